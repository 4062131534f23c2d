import type { ApiKeyRecord } from '@portcullis/auth-apikey'
import { describeEnd, describeGrants, describeTime, noSuchKey, publicRecord, stateOf, withKeys } from '../keys.ts'
import { formatTable, printData, printJson } from '../output.ts'
import type { Settings } from '../settings.ts'

/** A key and those that it has to do with. */
interface Shown {
  readonly record: ApiKeyRecord
  readonly lastUsedAtMs: number | undefined
  /** All of its family but itself, oldest first. */
  readonly relatives: readonly ApiKeyRecord[]
  readonly children: readonly ApiKeyRecord[]
  readonly parent: ApiKeyRecord | undefined
}

const duration = (ms: number): string => {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const
  const unit = units.find(([, size]) => ms % size === 0)
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`
}

const brief = ({ id, name }: ApiKeyRecord, state: string): string => `${id} (${JSON.stringify(name)}, ${state})`

/** How the key and another of its family stand to each other. */
const describeRelative = (record: ApiKeyRecord, other: ApiKeyRecord, nowMs: number): readonly [string, string] => {
  const what = brief(other, stateOf(other, nowMs))
  if (record.replaced?.by === other.id) {
    const when = record.replaced.onUse ? 'when that is used, at the latest ' : ''
    return ['replaced by', `${what}, ${when}${describeEnd(record)}`]
  }
  if (record.replaces !== other.id) return ['same family', what]
  const isOver = stateOf(other, nowMs) === 'rotated' || other.replaced === undefined
  return ['replaces', isOver ? what : `${what}, good until ${describeEnd(other)}`]
}

const time = (ms: number | undefined): readonly string[] => (ms === undefined ? [] : [describeTime(ms)])
const text = (value: string | undefined): readonly string[] => (value === undefined ? [] : [value])

/** What is said of the key, in rows; those without a value are left out. */
const settingsOf = (record: ApiKeyRecord): readonly (readonly [string, readonly string[]])[] => [
  ['created', time(record.createdAtMs)],
  ['not before', time(record.notBeforeMs)],
  ['expires', [describeTime(record.expiresAtMs)]],
  ['disabled', time(record.disabledAtMs)],
  ['reason', text(record.disabledReason)],
  ['revoked', time(record.revokedAtMs)],
  ['reason', text(record.revokedReason)],
  ['allowed', [describeGrants(record.grants)]],
  ['owner', text(record.owner)],
  ['tenant', text(record.tenant)],
  ['from', record.allowedAddresses ?? []],
  ['not from', record.deniedAddresses ?? []],
  ['audience', record.audiences ?? []],
  ['limit', (record.limits ?? []).map(({ requests, windowMs }) => `${requests}/${duration(windowMs)}`)],
  ['meta', Object.entries(record.metadata ?? {}).map(([name, value]) => `${name}=${value}`)],
  ['origin', text(record.origin)],
]

const rowsOf = ({ record, lastUsedAtMs, relatives, children, parent }: Shown, nowMs: number): string[][] => {
  const { name, id, prefix, env, last4, family, rev } = record
  const begin = prefix === '' ? '' : `${prefix}_${env}_${id}`
  const rows: (readonly [string, readonly string[]])[] = [
    ['name', [name]],
    ['id', [id]],
    ['status', [stateOf(record, nowMs)]],
    ['key', begin === '' && last4 === '' ? [] : [`${begin}...${last4}`]],
    ...settingsOf(record),
    ['last used', [lastUsedAtMs === undefined ? 'not known' : describeTime(lastUsedAtMs)]],
    ['family', [family]],
    ...relatives.map((other): [string, string[]] => {
      const [label, what] = describeRelative(record, other, nowMs)
      return [label, [what]]
    }),
    ['parent', parent === undefined ? text(record.parent) : [brief(parent, stateOf(parent, nowMs))]],
    ['child', children.map((child) => `${brief(child, stateOf(child, nowMs))}, expires ${describeEnd(child)}`)],
    ['revision', [String(rev)]],
  ]
  return rows.flatMap(([label, values]) => values.map((value, index) => [index === 0 ? label : '', value]))
}

const find = async (settings: Settings, name: string): Promise<Shown> =>
  withKeys(settings, 'read', async (keys) => {
    const record = await keys.get(name)
    if (record === undefined) throw noSuchKey()
    const all = await keys.list()
    return {
      record,
      lastUsedAtMs: (await keys.lastUses()).get(record.id),
      relatives: all.filter(({ family, id }) => family === record.family && id !== record.id),
      children: all.filter(({ parent }) => parent === record.id),
      parent: all.find(({ id }) => id === record.parent),
    }
  })

export const run = async (settings: Settings, name: string): Promise<void> => {
  const nowMs = Date.now()
  const shown = await find(settings, name)
  if (!settings.json) {
    printData(formatTable(rowsOf(shown, nowMs)))
    return
  }
  const { record, lastUsedAtMs, relatives, children, parent } = shown
  printJson({
    ...publicRecord(record, nowMs, lastUsedAtMs),
    relatives: relatives.map((other) => publicRecord(other, nowMs)),
    children: children.map((child) => publicRecord(child, nowMs)),
    ...(parent === undefined ? {} : { issuedBy: publicRecord(parent, nowMs) }),
  })
}
