import type { ApiKeyRecord, KeySelection } from '@portcullis/auth-apikey'
import { CliError, exitCodes, usageError } from '../failure.ts'
import { askYes, cancelled } from '../input.ts'
import type { KeyAdministration } from '../key-stores.ts'
import { describeKey, describeTime, noSuchKey, publicRecord, withKeys } from '../keys.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import { describeSelection, isSelected } from '../selection.ts'
import type { Settings } from '../settings.ts'

export interface RevokeOptions {
  readonly reason?: string
  readonly owner?: string
  readonly tenant?: string
  readonly yes?: boolean
}

type Reason = Pick<RevokeOptions, 'reason'>

const revokeOne = async (settings: Settings, name: string, reason: Reason): Promise<void> => {
  const { before, record } = await withKeys(settings, 'change', async (keys) => ({
    before: await keys.get(name),
    record: await keys.revoke(name, reason),
  }))
  if (settings.json) printJson(publicRecord(record, Date.now()))
  const already =
    before?.status === 'revoked' ? ` was revoked already, ${describeTime(record.revokedAtMs ?? null)}` : ''
  printWords(safeLine(`${already ? 'Key' : 'Revoked key'} ${describeKey(record)}${already}.`))
}

const count = (records: readonly ApiKeyRecord[]): string => (records.length === 1 ? '1 key' : `${records.length} keys`)

const namesOf = (records: readonly ApiKeyRecord[]): string => {
  const shown = records.slice(0, 10).map(({ name }) => JSON.stringify(name))
  const more = records.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

const confirm = async (chosen: readonly ApiKeyRecord[], whose: string, yes: boolean): Promise<void> => {
  if (yes) return
  if (!process.stdin.isTTY) {
    throw usageError(`this would revoke ${count(chosen)} of ${whose}, for good: --yes says that it is meant`)
  }
  printWords(safeLine(`Revoke ${count(chosen)} of ${whose}, for good: ${namesOf(chosen)}? Type yes:`))
  if (!(await askYes(process.stdin))) throw cancelled('nothing was revoked')
}

/** The keys of the selection that there are to revoke; a selection of none at all is more likely a slip than a wish. */
const choose = async (keys: KeyAdministration, selection: KeySelection): Promise<readonly ApiKeyRecord[]> => {
  const all = (await keys.list()).filter(isSelected(selection))
  if (all.length === 0) {
    throw new CliError('ERR_APIKEY_NOT_FOUND', exitCodes.notFound, `there is no key of ${describeSelection(selection)}`)
  }
  return all.filter(({ status }) => status !== 'revoked')
}

const revokeAll = async (settings: Settings, selection: KeySelection, yes: boolean, reason: Reason): Promise<void> => {
  const whose = describeSelection(selection)
  const revoked = await withKeys(settings, 'change', async (keys) => {
    const chosen = await choose(keys, selection)
    if (chosen.length === 0) return []
    await confirm(chosen, whose, yes)
    return keys.revokeAll(selection, reason)
  })
  const nowMs = Date.now()
  if (settings.json) printJson({ revoked: revoked.map((record) => publicRecord(record, nowMs)) })
  printWords(
    safeLine(
      revoked.length === 0
        ? `All keys of ${whose} were revoked already.`
        : `Revoked ${count(revoked)} of ${whose}: ${namesOf(revoked)}.`,
    ),
  )
}

const selectionOf = ({ owner, tenant }: RevokeOptions): KeySelection | undefined => {
  if (owner !== undefined) return tenant === undefined ? { owner } : { owner, tenant }
  return tenant === undefined ? undefined : { tenant }
}

export const run = async (settings: Settings, name: string | undefined, options: RevokeOptions): Promise<void> => {
  const selection = selectionOf(options)
  const reason = options.reason === undefined ? {} : { reason: options.reason }
  if (name !== undefined && selection !== undefined) {
    throw usageError('a name, or --owner and --tenant: not both')
  }
  if (name === '') throw noSuchKey()
  if (name !== undefined) await revokeOne(settings, name, reason)
  else if (selection !== undefined) await revokeAll(settings, selection, options.yes === true, reason)
  else throw usageError('what is to be revoked? The name or id of a key, or --owner or --tenant')
}
