import { compileGrants } from '@portcullis/authz'
import { prepareDirectory } from '@portcullis-internal/files'
import { parseExpiry } from '../expiry.ts'
import { describeGrants, describeTime, openKeys, publicRecord } from '../keys.ts'
import { printData, printJson, printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface CreateOptions {
  readonly allow: readonly string[]
  readonly expires?: string
  readonly quiet?: boolean
}

export const run = async (settings: Settings, name: string, options: CreateOptions): Promise<void> => {
  const nowMs = Date.now()
  const expiresAtMs = options.expires === undefined ? null : parseExpiry(options.expires, nowMs)
  // Checked before anything is written: a mistake leaves no folder behind.
  compileGrants(options.allow)
  const keys = openKeys(settings)
  prepareDirectory(settings.dir)
  const { key, record } = await keys.create({ name, grants: options.allow, expiresAtMs })
  try {
    if (settings.json) printJson({ key, ...publicRecord(record, nowMs) })
    else printData(`${key}\n`)
  } catch (error) {
    // A key that nobody has seen must not stay valid.
    await keys.revoke(record.id, { reason: 'it could not be shown when it was made' })
    throw error
  }
  if (record.grants.length === 0) {
    printWords(`portcullis: key ${safeLine(JSON.stringify(name))} has no rights: nothing was allowed with --allow`)
  }
  if (options.quiet) return
  printWords(
    safeLine(
      `Created key ${JSON.stringify(name)} (${record.id}): allowed: ${describeGrants(record.grants)}; expires: ${describeTime(expiresAtMs)}.`,
    ),
  )
  printWords('It is shown this once and kept as a hash only.')
}
