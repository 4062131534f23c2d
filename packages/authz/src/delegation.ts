import { type Compiled, evaluate, type Writable } from './evaluate.ts'
import type { Trace } from './trace.ts'
import type { Action, Decision, Principal } from './types.ts'

/** More issuers in a row than this are refused, and so is a circle of them. */
export const MAX_ISSUERS = 8

/** Decides for a principal and, where it is delegated, for each of its issuers: the first refusal is the decision. */
export function decideChain(policy: Compiled, principal: Principal, action: Action, trace?: Trace): Decision {
  const own = evaluate(policy, principal, action, trace)
  if (principal.delegatedBy === undefined) return own
  // A challenge for scopes makes sense only where no issuer would refuse all the same.
  if (!own.allowed && own.reason !== 'scope') return own
  const monitored = new Set(own.monitored)
  const refusal = firstRefusal(policy, principal.delegatedBy, own, action, monitored, trace)
  const decision: Writable<Decision> = refusal ?? { ...own }
  if (monitored.size > 0) decision.monitored = [...monitored]
  return decision
}

function firstRefusal(
  policy: Compiled,
  first: Principal,
  { cost, limits, argumentRules }: Decision,
  action: Action,
  monitored: Set<string>,
  trace: Trace | undefined,
): Decision | undefined {
  let issuer: Principal | undefined = first
  for (let delegation = 1; issuer !== undefined; delegation++, issuer = issuer.delegatedBy) {
    if (delegation > MAX_ISSUERS) {
      trace?.steps.push(`delegation: more than ${MAX_ISSUERS} issuers in a row, or a circle of them`)
      return { allowed: false, reason: 'no_grant', delegation, cost, limits, argumentRules }
    }
    const { missingScopes: _, ...decision }: Decision = evaluate(policy, issuer, action, trace, delegation)
    for (const place of decision.monitored ?? []) monitored.add(place)
    if (!decision.allowed) return { ...decision, delegation }
  }
  return undefined
}

/** The principal and its issuers; undefined for a chain that is refused. */
export function chainOf(principal: Principal): readonly Principal[] | undefined {
  const chain: Principal[] = []
  for (let next: Principal | undefined = principal; next !== undefined; next = next.delegatedBy) {
    if (chain.length > MAX_ISSUERS) return undefined
    chain.push(next)
  }
  return chain
}
