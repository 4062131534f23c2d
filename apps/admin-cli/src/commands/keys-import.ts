import type { ApiKeyRecord, ApiKeys, CreateKeyOptions } from '@portcullis/auth-apikey'
import { usageError } from '../failure.ts'
import { readSecret } from '../input.ts'
import { readKeySettings, type SettingOptions } from '../key-options.ts'
import { rehearse } from '../key-places.ts'
import { describeKey, publicRecord, withKeys } from '../keys.ts'
import { describeNewKey, warnOfNoRights } from '../new-key.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface ImportOptions extends SettingOptions {
  readonly tenant?: string
  readonly origin?: string
  readonly hash?: boolean
}

const maxBytes = 8192
const weakBelow = 32

const readKey = async (name: string, isHash: boolean): Promise<string> => {
  const text = await readSecret(isHash ? 'SHA-256 of the key, in hex or base64' : 'The key', maxBytes)
  if (text === '') throw usageError('nothing was given, nothing was imported')
  if (text === name) throw usageError('the name is the key itself: it now stands in the history of the shell')
  return text
}

export const run = async (
  settings: Settings,
  name: string,
  options: ImportOptions,
  args: readonly string[],
): Promise<void> => {
  if (args.length > 1) {
    throw usageError('a key is never an argument: pipe it: portcullis keys import NAME --allow GRANT < FILE')
  }
  const { tenant, origin, hash = false } = options
  const create: CreateKeyOptions & { origin?: string } = {
    grants: [],
    ...readKeySettings(options, Date.now()),
    name,
    ...(tenant === undefined ? {} : { tenant }),
    ...(origin === undefined ? {} : { origin }),
  }
  const text = await readKey(name, hash)
  const work = (keys: Pick<ApiKeys, 'importPlain' | 'importHash'>): Promise<ApiKeyRecord> =>
    hash ? keys.importHash({ ...create, hash: text }) : keys.importPlain({ ...create, key: text })
  await rehearse(work)
  const record = await withKeys(settings, 'make', work)
  if (settings.json) printJson(publicRecord(record, Date.now()))
  warnOfNoRights(record)
  printWords(safeLine(`Imported key ${describeKey(record)}: ${describeNewKey(record)}. Only its hash is kept.`))
  if (!hash && text.length < weakBelow) {
    printWords(`A key shorter than ${weakBelow} characters can be guessed; "portcullis keys rotate" replaces it.`)
  }
}
