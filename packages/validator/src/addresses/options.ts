import {
  addressGroup,
  type CidrSet,
  clientAddress,
  createCidrSet,
  isLoopback,
  NetError,
  parseAddress,
} from '@portcullis-internal/net'
import { ValidatorError } from '../errors.ts'
import { createNetworks, type Networks } from './networks.ts'
import type { AddressDecision, AddressGuardOptions, AddressGuardReads, BanOptions } from './types.ts'

export interface GuardSettings {
  readonly block: readonly string[]
  readonly allow: Networks<true>
  readonly allowOnly: boolean
  readonly proxies: CidrSet
  readonly bans: Required<BanOptions>
  readonly maxEntries: number
}

/** One entry of the table, with its end on the clock of whoever keeps it. */
export interface Entry {
  readonly kind: 'block' | 'ban'
  readonly reason?: string
  /** Infinity: none. */
  readonly endsMs: number
}

const fail = (problem: string): never => {
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem)
}
const DAY_MS = 86_400_000

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS, ERR_VALIDATOR_ADDRESS */
export function readGuardOptions(options: AddressGuardOptions): GuardSettings {
  if (typeof options !== 'object' || options === null) fail('options must be an object')
  const {
    block = [],
    allow = [],
    allowOnly = false,
    trustedProxies = [],
    bans = {},
    maxEntries = 10_000,
    ...unknown
  } = options
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(`options have an unknown field ${JSON.stringify(field)}`)
  if (typeof allowOnly !== 'boolean') fail('allowOnly must be true or false')
  if (allowOnly && allow.length === 0) fail('allowOnly without allow refuses everybody')
  whole('maxEntries', maxEntries, 1, 1_000_000)
  const allowed = createNetworks<true>()
  for (const cidr of allow) allowed.set(cidr, true)
  return { block, allow: allowed, allowOnly, proxies: readProxies(trustedProxies), bans: readBans(bans), maxEntries }
}

function readProxies(trusted: readonly string[]): CidrSet {
  try {
    return createCidrSet(trusted)
  } catch (error) {
    if (error instanceof NetError)
      throw new ValidatorError('ERR_VALIDATOR_ADDRESS', `trustedProxies: ${error.message}`, { cause: error })
    throw error
  }
}

function readBans(bans: BanOptions): Required<BanOptions> {
  if (typeof bans !== 'object' || bans === null) fail('bans must be an object')
  const {
    strikes = 10,
    windowMs = 60_000,
    baseMs = 60_000,
    factor = 4,
    maxMs = DAY_MS,
    forgetMs = DAY_MS,
    ...unknown
  } = bans
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(`bans have an unknown field ${JSON.stringify(field)}`)
  whole('bans.strikes', strikes, 1, 10_000)
  whole('bans.windowMs', windowMs, 1000, DAY_MS)
  whole('bans.baseMs', baseMs, 1000, DAY_MS)
  if (typeof factor !== 'number' || !(factor >= 1 && factor <= 10)) fail('bans.factor must be a number from 1 to 10')
  whole('bans.maxMs', maxMs, baseMs, 30 * DAY_MS)
  whole('bans.forgetMs', forgetMs, 1000, 30 * DAY_MS)
  return { strikes, windowMs, baseMs, factor, maxMs, forgetMs }
}

function whole(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return
  fail(`${name} must be a whole number from ${least} to ${most}`)
}

/** How long the nth ban is, the first being 1. */
export function banMs({ baseMs, factor, maxMs }: Required<BanOptions>, nth: number): number {
  return Math.round(Math.min(maxMs, baseMs * factor ** Math.min(nth - 1, 60)))
}

/** The network that is banned for what an address does; undefined for one that never is, and for text that is no address. */
export function banGroup(address: string, { allow, proxies }: GuardSettings): string | undefined {
  const canonical = parseAddress(address)
  if (
    canonical === undefined ||
    isLoopback(canonical) ||
    proxies.has(canonical) ||
    allow.match(canonical) !== undefined
  )
    return undefined
  return addressGroup(canonical)
}

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS */
export function readForMs(forMs: number | undefined): number {
  if (forMs === undefined) return Number.POSITIVE_INFINITY
  if (!(forMs > 0 && forMs <= Number.MAX_SAFE_INTEGER)) fail('forMs must be a positive number of milliseconds')
  return forMs
}

/** Decisions over a table of entries. `nowMs` is of the clock of their ends. */
export function createReads(settings: GuardSettings, entries: Networks<Entry>, nowMs: () => number): AddressGuardReads {
  const { allow, allowOnly, proxies } = settings
  const decide = (address: string): AddressDecision => {
    if (parseAddress(address) === undefined)
      return allowOnly ? { allowed: false, why: 'no_address' } : { allowed: true }
    const permitted = allow.match(address)
    const now = nowMs()
    const refused = entries.match(address)
    if (
      refused !== undefined &&
      refused.value.endsMs > now &&
      !(permitted !== undefined && permitted.prefix > refused.prefix)
    ) {
      const { kind, reason, endsMs } = refused.value
      return {
        allowed: false,
        why: kind === 'ban' ? 'banned' : 'blocked',
        cidr: refused.cidr,
        ...(reason === undefined ? {} : { reason }),
        ...(endsMs === Number.POSITIVE_INFINITY ? {} : { remainingMs: endsMs - now }),
      }
    }
    return allowOnly && permitted === undefined ? { allowed: false, why: 'not_allowed' } : { allowed: true }
  }
  return {
    decide,
    has: (address) => !decide(address).allowed,
    clientAddress: (remoteAddress, forwardedFor) => clientAddress(remoteAddress, forwardedFor, proxies),
  }
}
