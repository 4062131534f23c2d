import type { Principal } from '@portcullis/authz'
import { addressKey } from './authenticate.ts'
import { createDenyCache } from './deny-cache.ts'
import type { Exchange } from './exchange.ts'
import type { Limiter, LimitResult } from './ports.ts'
import { rateLimited, type Refusal } from './refusals.ts'

/** Charges requests to their callers, and remembers who is over the limit. */
export interface Counting {
  /** What is left after this request; a refusal; or nothing where nothing is counted. `extra` are limits of policy rules. */
  count(exchange: Exchange, cost: number, extra: readonly string[]): Promise<LimitResult | Refusal | undefined>
  /** The refusal that is known to await a caller, without counting anything. */
  overLimit(principal: Principal, address: string | undefined): Refusal | undefined
}

export const createCounting = (ports: {
  readonly limiter: Limiter | undefined
  readonly groupOf: (address: string) => string
  readonly limitNames: (principal: Principal) => readonly string[]
}): Counting => {
  const { limiter, groupOf, limitNames } = ports
  const denied = createDenyCache()

  /** Anonymous callers have no identity to count: they are counted by address. */
  const keyOf = (principal: Principal, address: string | undefined): string =>
    principal.method === 'anonymous' ? addressKey(address, groupOf) : principal.id

  return {
    async count({ principal, address }, cost, extra) {
      if (limiter === undefined) return undefined
      const key = keyOf(principal, address)
      const known = denied.get(key, cost)
      if (known !== undefined) return { ...rateLimited(known), repeated: true }
      const names = limitNames(principal)
      const result = await limiter.check(key, { cost, limits: extra.length === 0 ? names : [...names, ...extra] })
      if (result.allowed) return result
      // Only the principal's own limit refuses whatever it asks next; a rule's limit concerns some tools.
      if (names.includes(result.policy)) denied.set(key, cost, result)
      return rateLimited(result)
    },
    overLimit(principal, address) {
      const known = denied.get(keyOf(principal, address), 1)
      return known === undefined ? undefined : rateLimited(known)
    },
  }
}
