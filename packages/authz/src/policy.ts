import { chainOf, decideChain } from './delegation.ts'
import { AuthzError, refuseUnknownFields } from './errors.ts'
import { type Compiled, heldScopes } from './evaluate.ts'
import { compileGrants } from './grants.ts'
import { lintPolicy } from './lint.ts'
import { resourceCovers } from './matcher.ts'
import { compileRule } from './rule.ts'
import { compileImplies, holdsScope } from './scopes.ts'
import { templateTokens } from './template.ts'
import type { Trace } from './trace.ts'
import type { Action, Explanation, Policy, PolicyOptions, Principal } from './types.ts'

/**
 * Puts rules over the grants of principals. A deny wins over any allow; nothing matching is a refusal; every rule that matches applies, and a rule
 * can only restrict. A delegated principal may do what it and all its issuers may.
 * @throws AuthzError ERR_AUTHZ_RULE for a malformed rule, ERR_AUTHZ_OPTIONS for a malformed option or an unknown field
 */
export function createPolicy(options: PolicyOptions = {}): Policy {
  refuseUnknownFields(options, ['rules', 'implies'], 'policy', 'ERR_AUTHZ_OPTIONS')
  const { rules: sources = [], implies: impliesSource } = options
  if (!Array.isArray(sources)) throw new AuthzError('ERR_AUTHZ_OPTIONS', 'policy.rules must be an array')
  const rules = sources.map(compileRule)
  const policy: Compiled = { rules, implies: compileImplies(impliesSource) }
  const limits = Object.freeze(rules.flatMap((rule) => (rule.limit === undefined ? [] : [rule.limit])))
  return {
    decide: (principal, action) => decideChain(policy, principal, action),
    explain: (principal, action) => explain(policy, principal, action),
    allowsTemplate: (principal, server, uriTemplate) =>
      chainOf(principal)?.every((one) => allowsTemplate(policy, one, server, uriTemplate)) ?? false,
    lint: (knownActions, knownServers) => lintPolicy(policy, knownActions, knownServers),
    limits,
  }
}

function explain(policy: Compiled, principal: Principal, action: Action): Explanation {
  const trace: Trace = { steps: [], grants: [], rules: [] }
  const decision = decideChain(policy, principal, action, trace)
  const who = decision.delegation === undefined ? '' : ` (issuer ${decision.delegation})`
  trace.steps.push(`${decision.allowed ? 'allowed' : 'refused'}: ${decision.reason}${who}`)
  return { decision, ...trace }
}

function allowsTemplate(
  { rules, implies }: Compiled,
  principal: Principal,
  server: string,
  uriTemplate: string,
): boolean {
  if (!compileGrants(principal.grants).allowsTemplate(server, uriTemplate)) return false
  const template = templateTokens(uriTemplate) ?? []
  const held = heldScopes(principal, implies)
  return rules.every((rule) => {
    const { kinds, server: only, pattern } = rule.parsed
    if (rule.monitor || held === undefined || rule.scopes.every((scope) => holdsScope(held, scope))) return true
    if (!kinds.includes('resource') || (only !== undefined && only !== '*' && only !== server)) return true
    return pattern !== undefined && !resourceCovers(pattern, template)
  })
}
