import { brokenArgument } from './argument-rules.ts'
import { compileGrants } from './grants.ts'
import type { CompiledRule } from './rule.ts'
import { expandScopes, grantsFromScopes, holdsScope, scopeForAction } from './scopes.ts'
import { type Trace, traceGrant, traceRule } from './trace.ts'
import type { Action, Decision, Principal } from './types.ts'

export type Implies = ReadonlyMap<string, readonly string[]>

/** What a policy is made of, ready to decide with. */
export interface Compiled {
  readonly rules: readonly CompiledRule[]
  readonly implies: Implies
}

/** The scopes of an OAuth principal with what they imply; undefined for any other, whom scopes do not bind. */
export function heldScopes(principal: Principal, implies: Implies): ReadonlySet<string> | undefined {
  if (principal.method !== 'oauth2') return undefined
  const scopes = principal.claims?.['scopes']
  return expandScopes(Array.isArray(scopes) ? scopes : [], implies)
}

/** Decides for one principal alone; its issuers are asked by `delegation.ts`. */
export function evaluate(
  { rules, implies }: Compiled,
  principal: Principal,
  action: Action,
  trace?: Trace,
  delegation = 0,
): Decision {
  const granted = compileGrants(principal.grants).decide(action)
  if (trace !== undefined) traceGrant(trace, principal, granted, delegation)
  if (granted.reason === 'invalid_name') {
    return { allowed: false, reason: 'invalid_name', cost: 1, limits: [], argumentRules: false }
  }
  const held = heldScopes(principal, implies)
  const found = applyRules(rules, action, held, trace, delegation)
  const { lacking, broken } = found
  const { cost, limits, argumentRules } = found
  const decision: Writable<Decision> = { allowed: false, reason: granted.reason, cost, limits, argumentRules }
  if (granted.grant !== undefined) decision.grant = granted.grant
  if (found.monitored.length > 0) decision.monitored = found.monitored
  if (granted.reason === 'denied') return decision
  // A challenge for scopes makes sense only where nothing else would refuse.
  if (held !== undefined && broken === undefined && (!granted.allowed || lacking !== undefined)) {
    const missing = missingScopes(principal, action, granted.allowed, lacking?.scopes ?? NO_SCOPES, implies)
    if (missing !== undefined) {
      if (delegation === 0) trace?.steps.push(`scopes: more would change the decision: ${missing.join(' ')}`)
      decision.reason = 'scope'
      decision.missingScopes = missing
      if (lacking !== undefined) decision.rule = lacking.place
      return decision
    }
  }
  if (granted.allowed && broken !== undefined) {
    decision.reason = 'argument'
    decision.rule = broken.place
    decision.argument = broken.pointer
    return decision
  }
  decision.allowed = granted.allowed
  return decision
}

export type Writable<T> = { -readonly [K in keyof T]: T[K] }
const NO_SCOPES: ReadonlySet<string> = new Set()

/** What the rules say of an action, apart from the grants. */
interface Findings {
  cost: number
  limits: string[]
  argumentRules: boolean
  monitored: string[]
  lacking?: { place: string; scopes: Set<string> }
  broken?: { place: string; pointer: string }
}

function applyRules(
  rules: readonly CompiledRule[],
  action: Action,
  held: ReadonlySet<string> | undefined,
  trace: Trace | undefined,
  delegation: number,
): Findings {
  const out: Findings = { cost: 1, limits: [], argumentRules: false, monitored: [] }
  let costed = false
  for (const rule of rules) {
    if (!rule.matches(action)) continue
    if (rule.arguments.length > 0) out.argumentRules = true
    const lacking = held === undefined ? [] : rule.scopes.filter((scope) => !holdsScope(held, scope))
    const pointer = action.arguments === undefined ? undefined : brokenArgument(rule.arguments, action.arguments)
    if (trace !== undefined) traceRule(trace, rule, lacking, pointer, action, delegation)
    if (rule.monitor) {
      if (lacking.length > 0 || pointer !== undefined) out.monitored.push(rule.place)
      continue
    }
    if (rule.cost !== undefined && !costed) {
      out.cost = rule.cost
      costed = true
    }
    if (rule.limit !== undefined) out.limits.push(rule.limit.name)
    if (lacking.length > 0) out.lacking ??= { place: rule.place, scopes: new Set() }
    for (const scope of lacking) out.lacking?.scopes.add(scope)
    if (pointer !== undefined) out.broken ??= { place: rule.place, pointer }
  }
  return out
}

/** Every scope lacking, or undefined if scopes alone would not get the action allowed. */
function missingScopes(
  principal: Principal,
  action: Action,
  isGranted: boolean,
  lacking: ReadonlySet<string>,
  implies: Implies,
): readonly string[] | undefined {
  if (isGranted) return [...lacking]
  const table = Object.fromEntries(implies)
  const grantedBy = (scopes: readonly string[]): boolean =>
    compileGrants([...principal.grants, ...grantsFromScopes(scopes, table)]).decide(action).allowed
  if (grantedBy([...lacking])) return [...lacking]
  const own = scopeForAction(action)
  return own !== undefined && grantedBy([own]) ? [...lacking, own] : undefined
}
