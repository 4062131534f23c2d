import { describeTime, openKeys, publicRecord } from '../keys.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings, name: string, options: { readonly reason?: string }): Promise<void> => {
  const keys = openKeys(settings)
  const before = await keys.get(name)
  const record = await keys.revoke(name, options.reason === undefined ? {} : { reason: options.reason })
  if (settings.json) printJson(publicRecord(record, Date.now()))
  const already =
    before?.status === 'revoked' ? ` was revoked already, ${describeTime(record.revokedAtMs ?? null)}` : ''
  printWords(safeLine(`${already ? 'Key' : 'Revoked key'} ${JSON.stringify(record.name)} (${record.id})${already}.`))
}
