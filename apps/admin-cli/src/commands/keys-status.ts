import type { ApiKeyRecord } from '@portcullis/auth-apikey'
import { describeKey, describeTime, publicRecord, withKeys } from '../keys.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface ReasonOption {
  readonly reason?: string
}

const report = (settings: Settings, record: ApiKeyRecord, words: string): void => {
  if (settings.json) printJson(publicRecord(record, Date.now()))
  printWords(safeLine(words))
}

export const disable = async (settings: Settings, name: string, { reason }: ReasonOption): Promise<void> => {
  const { before, record } = await withKeys(settings, 'change', async (keys) => ({
    before: await keys.get(name),
    record: await keys.disable(name, reason === undefined ? {} : { reason }),
  }))
  const words =
    before?.status === 'disabled'
      ? `Key ${describeKey(record)} was disabled already, ${describeTime(record.disabledAtMs ?? null)}.`
      : `Disabled key ${describeKey(record)}: it is refused until "portcullis keys enable".`
  report(settings, record, words)
}

export const enable = async (settings: Settings, name: string): Promise<void> => {
  const { before, record } = await withKeys(settings, 'change', async (keys) => ({
    before: await keys.get(name),
    record: await keys.enable(name),
  }))
  const words = before?.status === 'active' ? 'Key ' : 'Enabled key '
  report(settings, record, `${words}${describeKey(record)}${before?.status === 'active' ? ' was not disabled' : ''}.`)
}
