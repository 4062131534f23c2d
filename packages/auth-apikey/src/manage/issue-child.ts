import { compileGrants, uncoveredGrants } from '@portcullis/authz'
import { checkedGrants, checkLabel, refuseUnknown } from '../checks.ts'
import { ApiKeyError } from '../errors.ts'
import { freezeRecord } from '../record.ts'
import { readSettings, SETTINGS } from '../settings.ts'
import type { ApiKeyRecord, ApiKeys, ApiKeyStore, ChildKeyOptions, VerifyContext } from '../types.ts'
import { findRecord, hasEnded, type Management, refuseConflict } from './context.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DELEGATE = { kind: 'admin', server: 'local', name: 'delegate' } as const

export interface DelegationLimits {
  readonly maxDepth: number
  readonly maxChildren: number
}

const refuse = (message: string): ApiKeyError => new ApiKeyError('ERR_APIKEY_DELEGATION', message)

/** The key and all that it comes from, nearest first. */
const lineOf = async (store: ApiKeyStore, record: ApiKeyRecord): Promise<readonly ApiKeyRecord[]> => {
  const line = [record]
  for (let last = record; last.parent !== undefined && line.length < 16; line.push(last)) {
    const parent = await store.get(last.parent)
    if (parent === undefined) throw refuse(`the key that issued ${last.id} is gone`)
    last = parent
  }
  return line
}

/** When the first of them ends; `undefined`: never. Refused if one is not good now. */
const endOf = (line: readonly ApiKeyRecord[], nowMs: number): number | undefined => {
  for (const record of line) {
    if (record.status !== 'active') throw refuse(`key ${record.id} is ${record.status}`)
    if (hasEnded(record, nowMs)) throw refuse(`key ${record.id} has ended`)
    if (nowMs < (record.notBeforeMs ?? 0)) throw refuse(`key ${record.id} is not valid yet`)
  }
  const ends = line.flatMap(({ expiresAtMs, replaced }) => [expiresAtMs, replaced?.atMs])
  const first = Math.min(...ends.filter((ms) => typeof ms === 'number'))
  return first === Number.POSITIVE_INFINITY ? undefined : first
}

/** Every key of the line must have been given the right to issue keys, and the nearest all that the child is to have. */
const checkGrants = (line: readonly ApiKeyRecord[], wanted: readonly string[]): void => {
  const [parent] = line as [ApiKeyRecord]
  if (line.some(({ grants }) => !compileGrants(grants).decide(DELEGATE).allowed)) {
    throw refuse(`key ${parent.id} may not issue keys: that needs the grant "admin:delegate"`)
  }
  const [beyond] = uncoveredGrants(parent.grants, wanted)
  if (beyond !== undefined) {
    throw refuse(`key ${parent.id} cannot give ${JSON.stringify(beyond.slice(0, 200))}: it has no grant that covers it`)
  }
}

const lifeOf = (wanted: number | undefined, endMs: number | undefined, nowMs: number): number => {
  const expiresAtMs = wanted ?? Math.min(nowMs + HOUR_MS, endMs ?? Number.POSITIVE_INFINITY)
  if (wanted !== undefined && wanted < nowMs + MINUTE_MS)
    throw refuse('a key that another issues lives a minute at least')
  if (endMs !== undefined && expiresAtMs > endMs) throw refuse('a key cannot live longer than the one that issues it')
  return expiresAtMs
}

const FIELDS = ['name', ...SETTINGS.filter((field) => field !== 'owner' && field !== 'limits')]

const readOptions = (options: ChildKeyOptions): ChildKeyOptions => {
  refuseUnknown('issueChild', options, FIELDS)
  checkLabel('name', options.name)
  if ((options.expiresAtMs as unknown) === null) throw refuse('a key that was issued by another has an end')
  return options
}

export const issueChildKey =
  (
    { store, clock, generate }: Management,
    limits: DelegationLimits,
    verify: ApiKeys['verify'],
  ): ApiKeys['issueChild'] =>
  async (parent, options, context) => {
    const { name, expiresAtMs, ...given } = readOptions(options)
    const issuer = await issuerOf(store, parent, verify, context)
    const nowMs = clock()
    const line = await lineOf(store, issuer)
    if (line.length > limits.maxDepth) throw refuse(`keys may issue keys ${limits.maxDepth} deep and no deeper`)
    const endMs = endOf(line, nowMs)
    const grants = checkedGrants(given.grants)
    checkGrants(line, grants)
    const settings = readSettings({ ...given, expiresAtMs: lifeOf(expiresAtMs, endMs, nowMs) }, nowMs)
    const { key, fields } = generate()
    const { owner, tenant } = issuer
    const record = freezeRecord<ApiKeyRecord>({
      ...fields,
      name,
      status: 'active',
      createdAtMs: nowMs,
      expiresAtMs: null,
      ...settings,
      grants,
      ...(owner === undefined ? {} : { owner }),
      ...(tenant === undefined ? {} : { tenant }),
      family: fields.id,
      parent: issuer.id,
      rev: 1,
    })
    const outcome = await store.commit([{ insert: record, maxSiblings: limits.maxChildren }])
    if (outcome === 'too_many_siblings') {
      throw refuse(`key ${issuer.id} has issued ${limits.maxChildren} keys that are still good, and may not issue more`)
    }
    refuseConflict(outcome, name)
    return { key, record }
  }

/** The key that a text is, verified from where it is used; or the one that is named by somebody who has done so. */
const issuerOf = async (
  store: ApiKeyStore,
  parent: string | { readonly idOrName: string },
  verify: ApiKeys['verify'],
  context: VerifyContext | undefined,
): Promise<ApiKeyRecord> => {
  if (typeof parent !== 'string') {
    refuseUnknown('the parent', parent, ['idOrName'])
    return findRecord(store, parent.idOrName)
  }
  const result = await verify(parent, context)
  if (result.ok) return result.record
  throw refuse(`the key that is to issue another is refused: ${result.reason}`)
}
