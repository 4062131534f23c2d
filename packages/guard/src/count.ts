import type { Principal } from '@portcullis/authz'
import { addressKey } from './authenticate.ts'
import { countedAs } from './counted-as.ts'
import { createDenyCache } from './deny-cache.ts'
import type { Limiter, LimitResult } from './ports.ts'
import { rateLimited, type Refusal } from './refusals.ts'

/** Who is counted. */
interface Caller {
  readonly principal: Principal
  readonly address?: string
}

/** Charges requests to their callers, and remembers who is over a limit. */
export interface Counting {
  /** What is left after this request; a refusal; or nothing where nothing is counted. `rules` are limits of policy rules. */
  count(caller: Caller, cost: number, rules: readonly string[]): Promise<LimitResult | Refusal | undefined>
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
    principal.method === 'anonymous' ? addressKey(address, groupOf) : countedAs(principal)
  const ruleKey = (key: string, rule: string): string => `${key} ${rule}`
  /** Where it is remembered that somebody is over a limit: limits of his own may be others a moment later. */
  const placeOf = ({ limits }: Principal, key: string): string =>
    limits === undefined ? key : `${key} ${JSON.stringify(limits)}`

  return {
    async count({ principal, address }, cost, rules) {
      if (limiter === undefined) return undefined
      const key = keyOf(principal, address)
      const names = limitNames(principal)
      const place = placeOf(principal, key)
      const known = denied.get(place, cost)
      if (known !== undefined) return { ...rateLimited(known), repeated: true }

      /** The limit of a rule refuses: the request counts against the principal's own all the same, or refusals would be free. */
      const byRule = async (refused: LimitResult, repeated: boolean): Promise<Refusal> => {
        const own = await limiter.check(key, { cost: 1, limits: names })
        if (own.allowed) return repeated ? { ...rateLimited(refused), repeated } : rateLimited(refused)
        denied.set(place, 1, own)
        return rateLimited(own)
      }
      for (const rule of rules) {
        const refused = denied.get(ruleKey(key, rule), cost)
        if (refused !== undefined) return byRule(refused, true)
      }

      const result = await limiter.check(key, { cost, limits: rules.length === 0 ? names : [...names, ...rules] })
      if (result.allowed) return result
      if (names.includes(result.policy)) {
        denied.set(place, cost, result)
        return rateLimited(result)
      }
      denied.set(ruleKey(key, result.policy), cost, result)
      return byRule(result, false)
    },
    overLimit(principal, address) {
      const known = denied.get(placeOf(principal, keyOf(principal, address)), 1)
      return known === undefined ? undefined : rateLimited(known)
    },
  }
}
