import type { ChildKeyOptions } from '@portcullis/auth-apikey'
import { usageError } from '../failure.ts'
import { readKeySettings, type SettingOptions } from '../key-options.ts'
import { unseen } from '../key-places.ts'
import { describeKey, withKeys } from '../keys.ts'
import { describeNewKey, showNewKey, shownOnce, warnOfNoReader, warnOfNoRights } from '../new-key.ts'
import { printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface IssueOptions extends Omit<SettingOptions, 'owner' | 'limit'> {
  readonly quiet?: boolean
}

const childOptions = (name: string, options: IssueOptions): ChildKeyOptions => {
  const { expiresAtMs, ...given } = readKeySettings(options, Date.now())
  if (expiresAtMs === null) throw usageError('--expires never: a key that another issues has an end')
  return { grants: [], ...given, name, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }
}

export const run = async (settings: Settings, parent: string, name: string, options: IssueOptions): Promise<void> => {
  const child = childOptions(name, options)
  const record = await withKeys(settings, 'change', async (keys) => {
    const issued = await keys.issueChild(parent, child)
    await showNewKey(settings, issued, () => keys.revoke(issued.record.id, unseen))
    return issued.record
  })
  warnOfNoReader(record)
  warnOfNoRights(record)
  if (options.quiet) return
  printWords(
    safeLine(
      `Key ${JSON.stringify(parent)} issued key ${describeKey(record)}: ${describeNewKey(record)}. It may do what both may, and ends with the one that issued it.`,
    ),
  )
  printWords(shownOnce)
}
