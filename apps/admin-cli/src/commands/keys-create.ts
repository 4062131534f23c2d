import type { CreateKeyOptions } from '@portcullis/auth-apikey'
import { readKeySettings, type SettingOptions } from '../key-options.ts'
import { rehearse, unseen } from '../key-places.ts'
import { describeKey, withKeys } from '../keys.ts'
import { describeNewKey, showNewKey, shownOnce, warnOfNoReader, warnOfNoRights } from '../new-key.ts'
import { printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface CreateOptions extends SettingOptions {
  readonly tenant?: string
  readonly env?: string
  readonly quiet?: boolean
}

export const run = async (settings: Settings, name: string, options: CreateOptions): Promise<void> => {
  const { tenant, env, quiet } = options
  const create: CreateKeyOptions = {
    grants: [],
    ...readKeySettings(options, Date.now()),
    name,
    ...(tenant === undefined ? {} : { tenant }),
  }
  await rehearse((keys) => keys.create(create), env)
  const record = await withKeys(settings, 'make', async (keys) => {
    const issued = await keys.create(create, env)
    await showNewKey(settings, issued, () => keys.revoke(issued.record.id, unseen))
    return issued.record
  })
  warnOfNoReader(record)
  warnOfNoRights(record)
  if (quiet) return
  printWords(safeLine(`Created key ${describeKey(record)}: ${describeNewKey(record)}.`))
  printWords(shownOnce)
}
