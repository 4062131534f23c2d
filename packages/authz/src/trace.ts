import type { CompiledRule } from './rule.ts'
import type { Action, ExplainedGrant, GrantDecision, Principal } from './types.ts'

/** What `explain` writes down while a decision is made. */
export interface Trace {
  readonly steps: string[]
  readonly grants: ExplainedGrant[]
  readonly rules: string[]
}

/** How a place begins for the principal that many issuers up: nothing for itself, `delegatedBy.` for its issuer. */
export function placeOf(delegation: number): string {
  return 'delegatedBy.'.repeat(delegation)
}

export function traceGrant(trace: Trace, principal: Principal, decision: GrantDecision, delegation: number): void {
  const start = placeOf(delegation)
  const { reason, grant } = decision
  if (grant === undefined) {
    trace.steps.push(`${start}grants: ${reason}`)
    return
  }
  const place = `${start}grants[${principal.grants.indexOf(grant)}]`
  trace.grants.push({ place, text: grant, principal: principal.id })
  trace.steps.push(`${start}grants: ${reason} by ${place} ${JSON.stringify(grant)}`)
}

/** A rule is told of an issuer only where it asks it for scopes: all else is the same for everybody. */
export function traceRule(
  trace: Trace,
  rule: CompiledRule,
  lacking: readonly string[],
  pointer: string | undefined,
  action: Action,
  delegation: number,
): void {
  if (delegation > 0) {
    if (lacking.length > 0) trace.steps.push(`${rule.place}: issuer ${delegation} lacks scopes ${lacking.join(' ')}`)
    return
  }
  trace.rules.push(rule.place)
  const parts = [`${rule.place} (${JSON.stringify(rule.source.match)}${rule.monitor ? ', monitor' : ''}) applies`]
  if (lacking.length > 0) parts.push(`lacks scopes ${lacking.join(' ')}`)
  if (pointer !== undefined) parts.push(`argument ${JSON.stringify(pointer)} is outside its globs`)
  if (rule.arguments.length > 0 && action.arguments === undefined) parts.push('arguments are not known yet')
  trace.steps.push(parts.join('; '))
}
