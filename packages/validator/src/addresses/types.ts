export interface BanOptions {
  /** Offences within `windowMs` that earn a ban: 1 to 10,000. Default 10. */
  readonly strikes?: number
  /** 1,000 to 86,400,000 ms. Default 60,000. */
  readonly windowMs?: number
  /** The first ban: 1,000 to 86,400,000 ms. Default 60,000 (one minute). */
  readonly baseMs?: number
  /** Each further ban is so many times as long: 1 to 10. Default 4. */
  readonly factor?: number
  /** No ban is longer: up to 2,592,000,000 ms (30 days). Default 86,400,000 (one day). */
  readonly maxMs?: number
  /** Earlier bans are forgotten when the last one ended so long ago. Default 86,400,000 (one day). */
  readonly forgetMs?: number
}

export interface AddressGuardOptions {
  /** Networks that are refused from the start, with no end. */
  readonly block?: readonly string[]
  /** Networks that are accepted whatever a wider network says, and are never banned. The most specific network decides; of two that are equal the block. */
  readonly allow?: readonly string[]
  /** Everything that is not in `allow` is refused. Default false. */
  readonly allowOnly?: boolean
  /** Proxies whose `X-Forwarded-For` is believed. They are never banned: what they pass on is somebody else's. */
  readonly trustedProxies?: readonly string[]
  readonly bans?: BanOptions
  /** Most entries: 1 to 1,000,000. Default 10,000. */
  readonly maxEntries?: number
}

export type AddressDecision =
  | { readonly allowed: true }
  | {
      readonly allowed: false
      readonly why: 'blocked' | 'banned' | 'not_allowed' | 'no_address'
      /** The network that decided. */
      readonly cidr?: string
      readonly reason?: string
      /** Until it ends. Absent: it does not. */
      readonly remainingMs?: number
    }

export interface GuardedEntry {
  readonly cidr: string
  readonly kind: 'block' | 'ban'
  readonly reason?: string
  readonly remainingMs?: number
}

export type StrikeOutcome =
  /** `left`: offences until the next ban. */
  | { readonly banned: false; readonly left: number }
  /** What was banned, for how long, and the how-manieth time it is. */
  | { readonly banned: true; readonly cidr: string; readonly forMs: number; readonly nth: number }
  /** Loopback, trusted proxies and allowed networks are never banned. */
  | { readonly banned: false; readonly exempt: true }

/** What both guards do at once, from what is known in this process. */
export interface AddressGuardReads {
  /** Whether requests from an address are refused. True for text that is no address when `allowOnly` is set, else false. */
  has(address: string): boolean
  decide(address: string): AddressDecision
  /** The right-most address of the chain that is not a trusted proxy. @param forwardedFor the header's lines in the order of arrival */
  clientAddress(remoteAddress: string | undefined, forwardedFor: readonly string[]): string | undefined
}

export interface AddressGuard extends AddressGuardReads {
  /** Refuses a network from now on; an entry that is there keeps the later of both ends. @throws ValidatorError ERR_VALIDATOR_ADDRESS, ERR_VALIDATOR_LIST_FULL */
  block(cidr: string, options?: { readonly reason?: string; readonly forMs?: number }): void
  /** Lifts a block or ban of exactly this network, and forgets its earlier bans. True if there was one. */
  unblock(cidr: string): boolean
  /**
   * Counts an offence of a caller: IPv4 by address, IPv6 by its /64. When the list is full, the ban that ends first makes room; where there are only blocks, the caller is not
   * banned and the next offence tries again.
   */
  strike(address: string, reason?: string): StrikeOutcome
  list(): GuardedEntry[]
}

/** The same, shared: what one process says holds in all of them. */
export interface RedisAddressGuard extends AddressGuardReads {
  block(cidr: string, options?: { readonly reason?: string; readonly forMs?: number }): Promise<void>
  unblock(cidr: string): Promise<boolean>
  strike(address: string, reason?: string): Promise<StrikeOutcome>
  list(): Promise<GuardedEntry[]>
  /** Resolves when the entries were read for the first time; rejects when closed before. */
  readonly ready: Promise<void>
  close(): Promise<void>
}
