import type { ApiKeyRecord, RotateOptions } from '@portcullis/auth-apikey'
import { parseSpan } from '../expiry.ts'
import { usageError } from '../failure.ts'
import type { KeyAdministration } from '../key-stores.ts'
import { unseen } from '../key-places.ts'
import { describeEnd, describeKey, endOf, withKeys } from '../keys.ts'
import { describeNewKey, requireReader, showNewKey, shownOnce } from '../new-key.ts'
import { printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

export interface RotateCommandOptions {
  readonly overlap?: string
  readonly leaked?: boolean
  readonly firstUse?: boolean
  readonly quiet?: boolean
}

const readOptions = ({ overlap, leaked, firstUse }: RotateCommandOptions): RotateOptions => {
  if (leaked && (overlap !== undefined || firstUse)) {
    throw usageError('--leaked ends the old key at once: it takes neither --overlap nor --first-use')
  }
  const overlapMs = overlap === undefined ? undefined : parseSpan(overlap)
  if (overlap !== undefined && overlapMs === undefined) {
    throw usageError(`--overlap ${JSON.stringify(overlap)} is not a time: 24h, 7d or 30m; for none at all: --leaked`)
  }
  return {
    ...(leaked ? { overlapMs: 0 } : {}),
    ...(overlapMs === undefined ? {} : { overlapMs }),
    ...(firstUse ? { until: 'first_use' as const } : {}),
  }
}

/**
 * What becomes of a successor that could not be shown. The rotation is undone, and the old key is good as before; unless that one leaked: then it stays refused,
 * and the successor, which nobody has, waits disabled for the next rotation.
 */
const withdraw = async (keys: KeyAdministration, successor: ApiKeyRecord, leaked: boolean): Promise<void> => {
  const { id, name } = successor
  if (!leaked && (await keys.takeBack(successor))) {
    printWords(safeLine(`Nothing has changed: the old key of ${JSON.stringify(name)} is good as before.`))
    return
  }
  const now = await keys.get(id)
  if (!leaked || now === undefined || now.replaced !== undefined || now.status === 'revoked') {
    printWords(
      safeLine(`The new key ${id} was not shown, and was changed by somebody else: portcullis keys show ${id}`),
    )
    return
  }
  await keys.disable(id, unseen)
  const further = `portcullis keys enable ${id}, then portcullis keys rotate ${id} --leaked`
  printWords(
    safeLine(`The new key ${describeKey(successor)} was not shown and is disabled; the old one stays refused.`),
  )
  printWords(`To go on: ${further}`)
}

const fateOf = (before: ApiKeyRecord): string => {
  const { replaced } = before
  const until = describeEnd(before)
  if (replaced === undefined || replaced.atMs <= Date.now()) return 'is refused from now on'
  return replaced.onUse ? `is good until the new one is used, at the latest until ${until}` : `is good until ${until}`
}

export const run = async (settings: Settings, name: string, options: RotateCommandOptions): Promise<void> => {
  const rotate = readOptions(options)
  requireReader()
  const { record, before } = await withKeys(settings, 'change', async (keys) => {
    const issued = await keys.rotate(name, rotate)
    const { record } = issued
    const before = (await keys.get(record.replaces ?? '')) as ApiKeyRecord
    // An end of 0 is one at once.
    const replaced = { id: before.id, endsAtMs: endOf(before) || Date.now() }
    await showNewKey(settings, issued, () => withdraw(keys, record, options.leaked === true), { previous: replaced })
    return { record, before }
  })
  if (options.quiet) return
  printWords(
    safeLine(
      `Rotated key ${JSON.stringify(record.name)}: the new one (${record.id}) ${describeNewKey(record)}; the old one (${before.id}) ${fateOf(before)}.`,
    ),
  )
  printWords(shownOnce)
}
