import { ValidatorError } from '../errors.ts'
import type { Finding } from '../types.ts'
import { effectOf } from './effect.ts'
import { type Item, itemsOf, type Unusable } from './items.ts'
import { EMPTY_LOCK, readLock } from './lock.ts'
import { scanItem } from './scan.ts'
import type { Change, FieldChange, Listing, PinAnswer, PinLock, PinnedItem, Pins, PinsOptions } from './types.ts'

/** Prefix of the keys of a list: what was listed under it and is gone is known to be gone only where the list was given. */
const PREFIXES: Readonly<Record<string, keyof Listing>> = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
  template: 'resourceTemplates',
}

/**
 * Keeps servers to what they said when somebody approved it. Every field of every tool, prompt, resource, template, and the instructions of the server count. A change is told with
 * its fields, what it does, and what its wording holds; what is not accepted is left out of the listing, what did not change is served on.
 * @throws ValidatorError ERR_VALIDATOR_LOCK, ERR_VALIDATOR_OPTIONS
 */
export function createPins(options: PinsOptions = {}): Pins {
  const { lock = EMPTY_LOCK, mode = 'enforce', trustOnFirstUse = true, accept = [], onChange, ...unknown } = options
  const [field] = Object.keys(unknown)
  if (field !== undefined)
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `options have an unknown field ${JSON.stringify(field)}`)
  if (mode !== 'enforce' && mode !== 'monitor')
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', 'mode must be enforce or monitor')
  if (!Array.isArray(accept) || !accept.every((effect) => effect === 'narrower' || effect === 'flags')) {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', 'accept must be a list of narrower and flags')
  }
  const servers = new Map<string, Map<string, PinnedItem>>()
  for (const [server, { items }] of Object.entries(readLock(lock).servers))
    servers.set(server, new Map(Object.entries(items)))
  // What was seen last and waits for approval; null: it is gone.
  const waiting = new Map<string, Map<string, PinnedItem | null>>()

  const currentLock = (): PinLock => ({
    format: 'portcullis-pins',
    version: 1,
    servers: Object.fromEntries(
      Array.from(servers, ([server, items]) => [server, { items: Object.fromEntries(items) }]),
    ),
  })
  const told = (): void => onChange?.(currentLock())

  /** What to do about one difference, before anybody was asked. */
  const judge = (
    fields: readonly FieldChange[],
    findings: readonly Finding[],
    type: 'added' | 'changed',
    firstUse: boolean,
  ): Pick<Change, 'accepted' | 'why'> => {
    const alarming = findings.some(({ enforced }) => enforced)
    if (firstUse && trustOnFirstUse)
      return alarming ? { accepted: mode === 'monitor', why: 'finding' } : { accepted: true, why: 'first_use' }
    const effects = new Set(fields.map(({ effect }) => effect))
    const harmless =
      type === 'changed' && [...effects].every((effect) => (accept as readonly string[]).includes(effect))
    if (harmless && !alarming) return { accepted: true, why: effects.has('narrower') ? 'narrower' : 'flags' }
    return { accepted: mode === 'monitor', why: mode === 'monitor' ? 'monitor' : 'not_approved' }
  }

  const check = (server: string, listing: Listing): PinAnswer => {
    if (typeof listing !== 'object' || listing === null)
      throw new ValidatorError('ERR_VALIDATOR_OPTIONS', 'listing must be an object')
    const known = servers.get(server)
    const firstUse = known === undefined
    const approved = known ?? new Map<string, PinnedItem>()
    const { items, unusable } = itemsOf(listing)
    const changes: Change[] = []
    const dropped = new Set<unknown>()
    const pending = new Map<string, PinnedItem | null>()
    let moved = false

    const seen = new Set<string>()
    for (const item of items) {
      seen.add(item.key)
      const fields = differences(approved.get(item.key), item.pinned)
      if (fields.length === 0) continue
      const type = approved.has(item.key) ? 'changed' : 'added'
      const findings = scanItem(item.value, item.list === 'tools' || item.list === 'prompts')
      const verdict = judge(fields, findings, type, firstUse)
      const from = type === 'added' ? twinOf(item, approved, items) : undefined
      changes.push({
        server,
        item: item.key,
        type,
        fields,
        findings,
        ...verdict,
        ...(from === undefined ? {} : { renamedFrom: from }),
      })
      const keeps = verdict.accepted && verdict.why !== 'monitor' && verdict.why !== 'finding'
      if (keeps) {
        approved.set(item.key, item.pinned)
        moved = true
      } else pending.set(item.key, item.pinned)
      if (!verdict.accepted) dropped.add(item.value)
    }
    for (const one of unusable) {
      seen.add(one.key)
      changes.push(refusalOf(server, one, mode))
      if (mode === 'enforce') dropped.add(one.value)
    }
    for (const key of approved.keys()) {
      if (seen.has(key) || !wasGiven(key, listing)) continue
      changes.push({ server, item: key, type: 'removed', fields: [], findings: [], accepted: true, why: 'gone' })
      pending.set(key, null)
    }
    if (firstUse && (trustOnFirstUse || items.length > 0)) {
      servers.set(server, approved)
      moved = true
    }
    waiting.set(server, pending)
    if (moved) told()
    return { listing: dropped.size === 0 ? listing : without(listing, dropped), changes, firstUse }
  }

  return {
    check,
    approve(server, item) {
      const pending = waiting.get(server) ?? new Map<string, PinnedItem | null>()
      const chosen = item === undefined ? [...pending.keys()] : pending.has(item) ? [item] : []
      if (chosen.length === 0) {
        throw new ValidatorError(
          'ERR_VALIDATOR_LOCK',
          `nothing of ${JSON.stringify(server)} waits for approval${item === undefined ? '' : ` under ${JSON.stringify(item)}`}`,
        )
      }
      const approved = servers.get(server) ?? new Map<string, PinnedItem>()
      servers.set(server, approved)
      for (const key of chosen) {
        const pinned = pending.get(key)
        if (pinned === null || pinned === undefined) approved.delete(key)
        else approved.set(key, pinned)
        pending.delete(key)
      }
      told()
      return chosen
    },
    forget(server, item) {
      const known = servers.get(server)
      const had = item === undefined ? servers.delete(server) : (known?.delete(item) ?? false)
      if (had) told()
      return had
    },
    get lock() {
      return currentLock()
    },
  }
}

function differences(before: PinnedItem | undefined, after: PinnedItem): FieldChange[] {
  const changes: FieldChange[] = []
  const old = before?.fields ?? {}
  for (const field of new Set([...Object.keys(old), ...Object.keys(after.fields)])) {
    const was = Object.hasOwn(old, field) ? old[field] : undefined
    const now = Object.hasOwn(after.fields, field) ? after.fields[field] : undefined
    if (was?.hash === now?.hash) continue
    changes.push({
      field,
      effect: effectOf(field, was?.json, now?.json),
      ...(was === undefined ? {} : { before: was.json }),
      ...(now === undefined ? {} : { after: now.json }),
    })
  }
  return changes
}

/** Another item, not listed any more, that said all of the same but its name. */
function twinOf(item: Item, approved: ReadonlyMap<string, PinnedItem>, items: readonly Item[]): string | undefined {
  const listed = new Set(items.map(({ key }) => key))
  const prefix = item.key.slice(0, item.key.indexOf(':') + 1)
  for (const [key, pinned] of approved) {
    if (listed.has(key) || !key.startsWith(prefix)) continue
    if (
      differences(pinned, item.pinned).every(
        ({ field }) => field === 'name' || field === 'uri' || field === 'uriTemplate',
      )
    )
      return key
  }
  return undefined
}

const refusalOf = (server: string, { key }: Unusable, mode: 'enforce' | 'monitor'): Change => ({
  server,
  item: key,
  type: 'refused',
  fields: [],
  findings: [],
  accepted: mode === 'monitor',
  why: 'unusable',
})

const wasGiven = (key: string, listing: Listing): boolean => {
  const prefix = key.slice(0, key.indexOf(':'))
  const list = prefix === 'server' ? (key.slice(7) as keyof Listing) : PREFIXES[prefix]
  // Instructions that are gone are not in the listing at all; that counts only beside tools, when a server was asked anew.
  return (
    list !== undefined &&
    (listing[list] !== undefined ||
      (prefix === 'server' && listing.tools !== undefined && listing.serverInfo !== undefined))
  )
}

function without(listing: Listing, dropped: ReadonlySet<unknown>): Listing {
  const entries = Object.entries(listing as Record<string, unknown>).flatMap(([name, value]): [string, unknown][] => {
    if (Array.isArray(value)) return [[name, value.filter((item) => !dropped.has(item))]]
    return dropped.has(value) ? [] : [[name, value]]
  })
  return Object.fromEntries(entries) as Listing
}
