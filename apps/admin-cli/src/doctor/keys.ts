import { type ApiKeyRecord, createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { configurationOf } from '../configuration.ts'
import { openPlaces, type Place } from '../key-places.ts'
import { describeEnd, isLegacyAt, stateOf } from '../keys.ts'
import { keyFileOf, type Settings } from '../settings.ts'
import { type Check, failedBy, type Finding, fail, ok, warn } from './finding.ts'

const dayMs = 86_400_000
const soonMs = 14 * dayMs
const idleMs = 90 * dayMs

const named = (texts: readonly string[]): string => {
  const shown = texts.slice(0, 10)
  return texts.length > shown.length ? `${shown.join(', ')} and ${texts.length - shown.length} more` : shown.join(', ')
}

const namesOf = (records: readonly ApiKeyRecord[]): string => named(records.map(({ name }) => JSON.stringify(name)))

const about = (id: string, found: readonly ApiKeyRecord[], good: string, bad: string, fix: string): Finding =>
  found.length === 0 ? ok(id, good) : warn(id, `${bad}: ${namesOf(found)}`, fix)

/** What is worth knowing and no mistake: the first key of an installation may do everything. */
const note = (id: string, found: readonly ApiKeyRecord[], none: string, some: string): Finding =>
  ok(id, found.length === 0 ? none : `${some}: ${namesOf(found)}`)

/** The keys of a place and when they were last used. */
interface Holding {
  readonly records: readonly ApiKeyRecord[]
  readonly uses: ReadonlyMap<string, number>
}

/**
 * Keys of which it is known that they were not used for long. One without any use counts only if uses were noted that long ago already: it may just be that
 * nobody wrote them down.
 */
const idleIn = ({ records, uses }: Holding, nowMs: number): readonly ApiKeyRecord[] => {
  const longAgoMs = nowMs - idleMs
  const areOldOnesKnown = [...uses.values()].some((ms) => ms <= longAgoMs)
  return records.filter((record) => {
    if (stateOf(record, nowMs) !== 'active' || record.replaced !== undefined) return false
    const usedAtMs = uses.get(record.id) ?? (areOldOnesKnown ? record.createdAtMs : nowMs)
    return usedAtMs <= longAgoMs
  })
}

const describeOverlap = (record: ApiKeyRecord): string =>
  `${JSON.stringify(record.name)} (${record.id}) until ${describeEnd(record)}`

/** What can be said of keys, wherever they are. */
const findingsOf = (holdings: readonly Holding[]): readonly Finding[] => {
  const nowMs = Date.now()
  const records = holdings.flatMap((holding) => holding.records)
  const active = records.filter((record) => stateOf(record, nowMs) === 'active')
  const replaced = active.filter((record) => record.replaced !== undefined)
  const standing = active.filter((record) => record.replaced === undefined)
  const expired = records.filter((record) => stateOf(record, nowMs) === 'expired')
  const expiring = standing.filter(({ expiresAtMs }) => expiresAtMs !== null && expiresAtMs - nowMs <= soonMs)
  return [
    about('expired-keys', expired, 'no expired keys', 'expired', 'portcullis keys revoke NAME'),
    about(
      'expiring-keys',
      expiring,
      'no key expires within 14 days',
      'expire within 14 days',
      'portcullis keys update NAME --expires 90d, or create others',
    ),
    about(
      'keys-without-rights',
      standing.filter(({ grants }) => grants.length === 0),
      'every key may do something',
      'may do nothing',
      'portcullis keys update NAME --allow GRANT, or revoke them',
    ),
    about(
      'unused-keys',
      holdings.flatMap((holding) => idleIn(holding, nowMs)),
      'no key is known to be unused',
      'not used in 90 days',
      'portcullis keys disable NAME, and revoke it when nobody misses it',
    ),
    note(
      'keys-with-all-rights',
      standing.filter(({ grants }) => grants.includes('*')),
      'no key may do everything',
      'may do everything',
    ),
    note(
      'keys-without-expiry',
      standing.filter(({ expiresAtMs }) => expiresAtMs === null),
      'every key expires',
      'never expire',
    ),
    note(
      'disabled-keys',
      records.filter(({ status, replaced }) => status === 'disabled' && replaced === undefined),
      'no key is disabled',
      'disabled',
    ),
    ok(
      'replaced-keys',
      replaced.length === 0 ? 'no key is being replaced' : `still good: ${named(replaced.map(describeOverlap))}`,
    ),
  ]
}

const countOf = ({ records }: Holding): string => {
  if (records.length === 0) return 'no keys yet'
  const nowMs = Date.now()
  const count = (state: string): number => records.filter((record) => stateOf(record, nowMs) === state).length
  const disabled = count('disabled')
  return `${records.length} keys, ${count('active')} of them active${disabled === 0 ? '' : `, ${disabled} disabled`}`
}

const inspectFile = async (settings: Settings): Promise<{ findings: readonly Finding[]; holding?: Holding }> => {
  const file = keyFileOf(settings)
  const store = fileStore(file)
  const keys = createApiKeys({ store, lastUseIntervalMs: false })
  try {
    const holding = { records: await keys.list(), uses: await keys.lastUses() }
    const legacy = isLegacyAt(file)
      ? warn('legacy-keys', `${JSON.stringify(file)} holds keys in plain text`, 'portcullis keys migrate')
      : ok('legacy-keys', 'no keys in plain text')
    return { findings: [ok('key-file', countOf(holding)), legacy], holding }
  } catch (error) {
    return { findings: [failedBy('key-file', error, 'restore it from a copy, or move it away and issue new keys')] }
  } finally {
    store.close()
  }
}

const redisFix = 'see redis.url and maxmemory-policy; master.key has to be that of the installation that made the keys'

const inspectRedis = async (place: Place): Promise<{ findings: readonly Finding[]; holding?: Holding }> => {
  const id = 'keys-in-redis'
  try {
    const problems = await place.problems()
    if (problems.length > 0) return { findings: problems.map((problem) => fail(id, problem, redisFix)) }
    const keys = place.keys()
    const holding = { records: await keys.list(), uses: await keys.lastUses() }
    return { findings: [ok(id, countOf(holding))], holding }
  } catch (error) {
    return { findings: [failedBy(id, error, redisFix)] }
  }
}

const isReadable = (settings: Settings): boolean => {
  try {
    configurationOf(settings)
    return true
  } catch {
    return false
  }
}

const openForReading = async (settings: Settings): Promise<readonly Place[] | Finding> => {
  try {
    return await openPlaces(settings, 'read')
  } catch (error) {
    // What is wrong with the configuration its own check says; the key file is where it always is.
    return isReadable(settings) ? failedBy('keys-in-redis', error, redisFix) : []
  }
}

/** Where the keys are, and the keys themselves. */
export const keys: Check = async (settings) => {
  const opened = await openForReading(settings)
  const places = 'id' in opened ? [] : opened
  try {
    const redis = places.find(({ kind }) => kind === 'redis')
    const inspected = [await inspectFile(settings), ...(redis === undefined ? [] : [await inspectRedis(redis)])]
    const holdings = inspected.flatMap(({ holding }) => (holding === undefined ? [] : [holding]))
    return [
      ...inspected.flatMap(({ findings }) => findings),
      ...('id' in opened ? [opened] : []),
      ...(holdings.length === 0 ? [] : findingsOf(holdings)),
    ]
  } finally {
    await Promise.all(places.map((place) => place.close()))
  }
}
