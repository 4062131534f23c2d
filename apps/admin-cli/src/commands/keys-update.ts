import type { KeyPatch } from '@portcullis/auth-apikey'
import { usageError } from '../failure.ts'
import { readCleared, readKeySettings, type SettingOptions } from '../key-options.ts'
import { describeKey, publicRecord, withKeys } from '../keys.ts'
import { describeNewKey, warnOfNoRights } from '../new-key.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface UpdateOptions extends SettingOptions {
  readonly rename?: string
  readonly clear?: readonly string[]
  readonly ifRev?: string
}

const readPatch = (options: UpdateOptions): KeyPatch => {
  const given: KeyPatch = {
    ...readKeySettings(options, Date.now()),
    ...(options.rename === undefined ? {} : { name: options.rename }),
  }
  const patch = { ...given, ...readCleared(options.clear ?? [], given) }
  if (Object.keys(patch).length === 0) throw usageError('nothing to change: give an option that says what')
  return patch
}

const readRevision = (text: string): number => {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw usageError(`--if-rev ${JSON.stringify(text)} is not a revision`)
  return Number(text)
}

export const run = async (settings: Settings, name: string, options: UpdateOptions): Promise<void> => {
  const patch = readPatch(options)
  const condition = options.ifRev === undefined ? {} : { ifRev: readRevision(options.ifRev) }
  const record = await withKeys(settings, 'change', (keys) => keys.update(name, patch, condition))
  if (settings.json) printJson(publicRecord(record, Date.now()))
  warnOfNoRights(record)
  printWords(safeLine(`Updated key ${describeKey(record)}, now revision ${record.rev}: ${describeNewKey(record)}.`))
}
