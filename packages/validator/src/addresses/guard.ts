import { ValidatorError } from '../errors.ts'
import { canonicalCidr, createNetworks } from './networks.ts'
import { banGroup, banMs, createReads, type Entry, readForMs, readGuardOptions } from './options.ts'
import type { AddressGuard, AddressGuardOptions } from './types.ts'

export interface MemoryGuardOptions extends AddressGuardOptions {
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly clock?: () => number
}

interface Record {
  strikes: number
  windowEndsMs: number
  bans: number
  /** When the last ban ended, or ends. */
  lastEndMs: number
}

/** What expired is swept when so much time has passed. */
const SWEEP_MS = 10_000

/**
 * Blocks, permits and bans of one process. Bans grow: whoever comes back to what he was banned for is banned for longer.
 * @throws ValidatorError ERR_VALIDATOR_OPTIONS, ERR_VALIDATOR_ADDRESS
 */
export function createAddressGuard(options: MemoryGuardOptions = {}): AddressGuard {
  const { clock = () => performance.now(), ...rest } = options
  const settings = readGuardOptions(rest)
  const { bans, maxEntries } = settings
  const entries = createNetworks<Entry>()
  const records = new Map<string, Record>()
  let sweptMs = clock()

  const sweep = (nowMs: number, force = false): void => {
    if (!force && nowMs - sweptMs < SWEEP_MS) return
    sweptMs = nowMs
    for (const [cidr, { endsMs }] of entries.entries()) if (endsMs <= nowMs) entries.delete(cidr)
    for (const [group, { windowEndsMs, bans: count, lastEndMs }] of records) {
      if (windowEndsMs <= nowMs && (count === 0 || lastEndMs + bans.forgetMs <= nowMs)) records.delete(group)
    }
  }
  /** Makes room for a ban: the one that would end first goes, never a block. */
  const evict = (): boolean => {
    let first: string | undefined
    let firstMs = Number.POSITIVE_INFINITY
    for (const [cidr, { kind, endsMs }] of entries.entries()) {
      if (kind !== 'ban' || endsMs >= firstMs) continue
      first = cidr
      firstMs = endsMs
    }
    return first !== undefined && entries.delete(first)
  }
  /** False for a ban for which blocks leave no room. */
  const put = (cidr: string, entry: Entry): boolean => {
    const known = entries.get(cidr)
    if (known === undefined && entries.size >= maxEntries) {
      sweep(clock(), true)
      const full = entries.size >= maxEntries && !(entry.kind === 'ban' && evict())
      if (full && entry.kind === 'ban') return false
      if (full)
        throw new ValidatorError('ERR_VALIDATOR_LIST_FULL', `the address list holds ${maxEntries} entries already`)
    }
    // A ban must not shorten a block, nor an earlier end a later one.
    const stays =
      known !== undefined && (known.endsMs > entry.endsMs || (known.kind === 'block' && known.endsMs === entry.endsMs))
    entries.set(
      cidr,
      stays
        ? { ...known, ...(entry.reason === undefined || entry.kind === 'ban' ? {} : { reason: entry.reason }) }
        : entry,
    )
    return true
  }
  const recordOf = (group: string, nowMs: number): Record => {
    const known = records.get(group)
    if (known !== undefined) return known
    // The oldest goes: a flood of callers must not make the table grow without end.
    if (records.size >= maxEntries * 4) records.delete(records.keys().next().value as string)
    const made = { strikes: 0, windowEndsMs: nowMs + bans.windowMs, bans: 0, lastEndMs: 0 }
    records.set(group, made)
    return made
  }

  const guard: AddressGuard = {
    ...createReads(settings, entries, clock),
    block(cidr, { reason, forMs } = {}) {
      const length = readForMs(forMs)
      put(canonicalCidr(cidr), { kind: 'block', endsMs: clock() + length, ...(reason === undefined ? {} : { reason }) })
    },
    unblock(cidr) {
      const canonical = canonicalCidr(cidr)
      records.delete(canonical)
      const known = entries.get(canonical)
      return entries.delete(canonical) && (known?.endsMs ?? 0) > clock()
    },
    strike(address, reason) {
      const group = banGroup(address, settings)
      if (group === undefined) return { banned: false, exempt: true }
      const nowMs = clock()
      sweep(nowMs)
      const record = recordOf(group, nowMs)
      if (record.windowEndsMs <= nowMs) {
        record.strikes = 0
        record.windowEndsMs = nowMs + bans.windowMs
      }
      if (record.bans > 0 && record.lastEndMs + bans.forgetMs <= nowMs) record.bans = 0
      if (++record.strikes < bans.strikes) return { banned: false, left: bans.strikes - record.strikes }
      const nth = record.bans + 1
      const forMs = banMs(bans, nth)
      if (!put(group, { kind: 'ban', endsMs: nowMs + forMs, ...(reason === undefined ? {} : { reason }) })) {
        record.strikes = bans.strikes - 1
        return { banned: false, left: 1 }
      }
      record.strikes = 0
      record.bans = nth
      record.lastEndMs = nowMs + forMs
      return { banned: true, cidr: group, forMs, nth }
    },
    list() {
      const nowMs = clock()
      sweep(nowMs, true)
      return Array.from(entries.entries(), ([cidr, { kind, reason, endsMs }]) => ({
        cidr,
        kind,
        ...(reason === undefined ? {} : { reason }),
        ...(endsMs === Number.POSITIVE_INFINITY ? {} : { remainingMs: endsMs - nowMs }),
      }))
    },
  }
  for (const cidr of settings.block) guard.block(cidr)
  return guard
}
