import { createCidrSet } from '@portcullis-internal/net'
import { ValidatorError } from '../errors.ts'
import { canonicalCidr } from './networks.ts'

/** One entry of an address list. */
export interface AddressEntry {
  /** Canonical text: `203.0.113.0/24`, `2001:db8::/32`, or a single address. */
  readonly cidr: string
  readonly reason?: string
  /** Absent for an entry that stays. */
  readonly remainingMs?: number
}

export interface AddressListOptions {
  /** 1 to 1,000,000. Default 10,000. */
  readonly maxEntries?: number
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly clock?: () => number
}

/** Networks and addresses, for good or for a time. Mapped IPv6 addresses count as IPv4. */
export interface AddressList {
  /**
   * Adds a network or an address; an entry that is there keeps the later of both ends, so that a ban never shortens a block.
   * @throws ValidatorError ERR_VALIDATOR_ADDRESS, ERR_VALIDATOR_LIST_FULL
   */
  add(cidr: string, options?: { readonly reason?: string; readonly forMs?: number }): void
  /** True if exactly this entry was there. Throws ERR_VALIDATOR_ADDRESS. */
  remove(cidr: string): boolean
  /** False for text that is no address. */
  has(address: string): boolean
  list(): AddressEntry[]
}

/** @throws ValidatorError ERR_VALIDATOR_ADDRESS for a malformed entry, ERR_VALIDATOR_OPTIONS */
export function createAddressList(entries: readonly string[] = [], options: AddressListOptions = {}): AddressList {
  const { maxEntries = 10_000, clock = () => performance.now(), ...unknown } = options
  const [field] = Object.keys(unknown)
  if (field !== undefined)
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `options have an unknown field ${JSON.stringify(field)}`)
  if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > 1_000_000) {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', 'maxEntries must be a whole number from 1 to 1000000')
  }
  const set = createCidrSet()
  const kept = new Map<string, { readonly reason?: string; readonly endsMs: number }>()
  let nextEndMs = Number.POSITIVE_INFINITY

  /** Nothing is looked through before the first entry ends. */
  const expire = (nowMs: number): void => {
    if (nowMs < nextEndMs) return
    nextEndMs = Number.POSITIVE_INFINITY
    for (const [cidr, { endsMs }] of kept) {
      if (endsMs <= nowMs) {
        kept.delete(cidr)
        set.delete(cidr)
      } else {
        nextEndMs = Math.min(nextEndMs, endsMs)
      }
    }
  }

  const list: AddressList = {
    add(cidr, { reason, forMs } = {}) {
      if (forMs !== undefined && !(forMs > 0 && forMs <= Number.MAX_SAFE_INTEGER)) {
        throw new ValidatorError('ERR_VALIDATOR_OPTIONS', 'forMs must be a positive number of milliseconds')
      }
      const nowMs = clock()
      expire(nowMs)
      const canonical = canonicalCidr(cidr)
      const known = kept.get(canonical)
      if (known === undefined && kept.size >= maxEntries) {
        throw new ValidatorError('ERR_VALIDATOR_LIST_FULL', `the address list holds ${maxEntries} entries already`)
      }
      const endsMs = Math.max(known?.endsMs ?? 0, forMs === undefined ? Number.POSITIVE_INFINITY : nowMs + forMs)
      const why = reason ?? known?.reason
      kept.set(canonical, { endsMs, ...(why === undefined ? {} : { reason: why }) })
      set.add(canonical)
      nextEndMs = Math.min(nextEndMs, endsMs)
    },
    remove(cidr) {
      const canonical = canonicalCidr(cidr)
      expire(clock())
      set.delete(canonical)
      return kept.delete(canonical)
    },
    has(address) {
      if (kept.size === 0) return false
      expire(clock())
      return set.has(address)
    },
    list() {
      const nowMs = clock()
      expire(nowMs)
      return Array.from(kept, ([cidr, { reason, endsMs }]) => ({
        cidr,
        ...(reason === undefined ? {} : { reason }),
        ...(endsMs === Number.POSITIVE_INFINITY ? {} : { remainingMs: endsMs - nowMs }),
      }))
    },
  }
  for (const cidr of entries) list.add(cidr)
  return list
}
