import { brokenArgument } from './argument-rules.ts'
import { AuthzError, refuseUnknownFields } from './errors.ts'
import { compileGrants } from './grants.ts'
import { lintPolicy } from './lint.ts'
import { resourceCovers } from './matcher.ts'
import { type CompiledRule, compileRule } from './rule.ts'
import { compileImplies, expandScopes, grantsFromScopes, holdsScope, scopeForAction } from './scopes.ts'
import { templateTokens } from './template.ts'
import type { Action, Decision, Policy, PolicyOptions, Principal } from './types.ts'

type Implies = ReadonlyMap<string, readonly string[]>

/**
 * Puts rules over the grants of principals. A deny wins over any allow; nothing matching is a refusal; every rule that matches applies, and a rule
 * can only restrict.
 * @throws AuthzError ERR_AUTHZ_RULE for a malformed rule, ERR_AUTHZ_OPTIONS for a malformed option or an unknown field
 */
export function createPolicy(options: PolicyOptions = {}): Policy {
  refuseUnknownFields(options, ['rules', 'implies'], 'policy', 'ERR_AUTHZ_OPTIONS')
  const { rules: sources = [], implies: impliesSource } = options
  if (!Array.isArray(sources)) throw new AuthzError('ERR_AUTHZ_OPTIONS', 'policy.rules must be an array')
  const rules = sources.map(compileRule)
  const implies = compileImplies(impliesSource)
  const limits = Object.freeze(rules.flatMap((rule) => (rule.limit === undefined ? [] : [rule.limit])))
  return {
    decide: (principal, action) => evaluate(rules, implies, principal, action),
    explain(principal, action) {
      const steps: string[] = []
      const decision = evaluate(rules, implies, principal, action, steps)
      steps.push(`${decision.allowed ? 'allowed' : 'refused'}: ${decision.reason}`)
      return { decision, steps }
    },
    allowsTemplate(principal, server, uriTemplate) {
      if (!compileGrants(principal.grants).allowsTemplate(server, uriTemplate)) return false
      const template = templateTokens(uriTemplate) ?? []
      const held = heldScopes(principal, implies)
      return rules.every((rule) => {
        const { kinds, server: only, pattern } = rule.parsed
        if (rule.monitor || held === undefined || rule.scopes.every((scope) => holdsScope(held, scope))) return true
        if (!kinds.includes('resource') || (only !== undefined && only !== '*' && only !== server)) return true
        return pattern !== undefined && !resourceCovers(pattern, template)
      })
    },
    lint: (knownActions) => lintPolicy(rules, implies, knownActions),
    limits,
  }
}

/** The scopes of an OAuth principal with what they imply; undefined for any other, whom scopes do not bind. */
function heldScopes(principal: Principal, implies: Implies): ReadonlySet<string> | undefined {
  if (principal.method !== 'oauth2') return undefined
  const scopes = principal.claims?.['scopes']
  return expandScopes(Array.isArray(scopes) ? scopes : [], implies)
}

function evaluate(
  rules: readonly CompiledRule[],
  implies: Implies,
  principal: Principal,
  action: Action,
  steps?: string[],
): Decision {
  const granted = compileGrants(principal.grants).decide(action)
  steps?.push(`grants: ${granted.reason}${granted.grant === undefined ? '' : ` by ${JSON.stringify(granted.grant)}`}`)
  if (granted.reason === 'invalid_name') {
    return { allowed: false, reason: 'invalid_name', cost: 1, limits: [], argumentRules: false }
  }
  const held = heldScopes(principal, implies)
  const found = applyRules(rules, action, held, steps)
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
      steps?.push(`scopes: more would change the decision: ${missing.join(' ')}`)
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

type Writable<T> = { -readonly [K in keyof T]: T[K] }
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
  steps: string[] | undefined,
): Findings {
  const out: Findings = { cost: 1, limits: [], argumentRules: false, monitored: [] }
  let costed = false
  for (const rule of rules) {
    if (!rule.matches(action)) continue
    if (rule.arguments.length > 0) out.argumentRules = true
    const lacking = held === undefined ? [] : rule.scopes.filter((scope) => !holdsScope(held, scope))
    const pointer = action.arguments === undefined ? undefined : brokenArgument(rule.arguments, action.arguments)
    steps?.push(describe(rule, lacking, pointer, action))
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

function describe(rule: CompiledRule, lacking: readonly string[], pointer: string | undefined, action: Action): string {
  const parts = [`${rule.place} (${JSON.stringify(rule.source.match)}${rule.monitor ? ', monitor' : ''}) applies`]
  if (lacking.length > 0) parts.push(`lacks scopes ${lacking.join(' ')}`)
  if (pointer !== undefined) parts.push(`argument ${JSON.stringify(pointer)} is outside its globs`)
  if (rule.arguments.length > 0 && action.arguments === undefined) parts.push('arguments are not known yet')
  return parts.join('; ')
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
