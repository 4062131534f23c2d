import type { Digests } from '../digest.ts'
import { ApiKeyError } from '../errors.ts'
import { DAY_MS } from '../checks.ts'
import { generateKey } from '../key-format.ts'
import type { ApiKeyRecord, ApiKeyStore, CommitOutcome } from '../types.ts'

/** What every operation on keys works with. */
export interface Management {
  readonly store: ApiKeyStore
  readonly clock: () => number
  readonly defaultLifetimeMs: number
  /** A new key's text, and what of its record follows from it. */
  readonly generate: () => { readonly key: string; readonly fields: KeyFields }
}

/** The longest that a key may stay good after it was replaced. */
export const MAX_OVERLAP_MS = 366 * DAY_MS

type KeyFields = Pick<ApiKeyRecord, 'id' | 'hash' | 'alg' | 'pepperId' | 'prefix' | 'env' | 'last4'>

export const createGenerator =
  (prefix: string, env: string, random: (size: number) => Uint8Array, digests: Digests): Management['generate'] =>
  () => {
    const { key, id } = generateKey(prefix, env, random)
    return { key, fields: { id, ...digests.of(key), prefix, env, last4: key.slice(-4) } }
  }

/** The key that an administrator names. What is not found is not repeated: somebody may have given a key where a name belongs. */
export const findRecord = async (store: ApiKeyStore, idOrName: string): Promise<ApiKeyRecord> => {
  const record = typeof idOrName === 'string' ? await store.find(idOrName) : undefined
  // A name that a family has given up still finds its old keys, to look at: it must not change those that go by another now.
  const isFormer = record?.id !== idOrName && record?.replaced !== undefined && record.status !== 'revoked'
  if (record !== undefined && !isFormer) return record
  throw new ApiKeyError('ERR_APIKEY_NOT_FOUND', 'there is no key of that name or id')
}

/** However wrong clocks are: a key that was replaced so long ago is not good anywhere. */
const LONG_OVER_MS = 7 * DAY_MS

const isLongOver = ({ replaced, createdAtMs }: ApiKeyRecord, nowMs: number): boolean =>
  replaced !== undefined && nowMs - Math.max(replaced.atMs, createdAtMs) > LONG_OVER_MS

/**
 * The key and the others of its family that are not long over: those that it replaced, and those that replaced it; oldest first. A key that was replaced before
 * the longest overlap began is over, as are all before it.
 */
export const familyOf = async (
  store: ApiKeyStore,
  record: ApiKeyRecord,
  nowMs: number,
): Promise<readonly ApiKeyRecord[]> => {
  const family = [record]
  for (let at = record; at.replaces !== undefined && nowMs - at.createdAtMs <= MAX_OVERLAP_MS + LONG_OVER_MS; ) {
    const before = await store.get(at.replaces)
    if (before === undefined || family.length > MAX_FAMILY) break
    family.unshift(before)
    at = before
  }
  for (let at = record; at.replaced !== undefined; ) {
    const after = await store.get(at.replaced.by)
    if (after === undefined || family.length > MAX_FAMILY) break
    family.push(after)
    at = after
  }
  return family.filter((member) => member.id === record.id || !isLongOver(member, nowMs))
}

/** Of keys that were looked at in a store that holds a circle. */
const MAX_FAMILY = 100_000

/** What a commit of new records ran into, as an error; nothing for `done` and for `changed`, after which one looks again. */
export const refuseConflict = (outcome: CommitOutcome, name: string): void => {
  const quoted = JSON.stringify(name)
  const messages: Readonly<Partial<Record<CommitOutcome, string>>> = {
    id_taken: `the key for ${quoted} is in the store already`,
    name_taken: `a key named ${quoted} exists already`,
    family_taken: `${quoted} was the name of an imported key that is revoked; its successor needs another name`,
  }
  const message = messages[outcome]
  if (message !== undefined) throw new ApiKeyError('ERR_APIKEY_EXISTS', message)
}

export const hasEnded = ({ expiresAtMs, replaced }: ApiKeyRecord, nowMs: number): boolean =>
  (expiresAtMs !== null && nowMs >= expiresAtMs) || (replaced !== undefined && nowMs >= replaced.atMs)
