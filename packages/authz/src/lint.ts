import type { CompiledRule } from './rule.ts'
import { grantsFromScopes } from './scopes.ts'
import type { Action, LintFinding } from './types.ts'

/** Doubts about rules that load: what cannot have the effect that its author wanted. */
export function lintPolicy(
  rules: readonly CompiledRule[],
  implies: ReadonlyMap<string, readonly string[]>,
  knownActions?: readonly Action[],
): LintFinding[] {
  const findings: LintFinding[] = []
  const seen = new Map<string, string>()
  for (const rule of rules) {
    const { place, source } = rule
    if (rule.scopes.length + rule.arguments.length === 0 && rule.cost === undefined && rule.limit === undefined) {
      findings.push({
        place,
        problem: 'no_effect',
        message: 'the rule requires nothing, costs nothing and limits nothing',
      })
    } else if (rule.monitor && rule.scopes.length + rule.arguments.length === 0) {
      findings.push({ place, problem: 'no_effect', message: 'cost and limit do nothing in monitor mode' })
    }
    const key = sortedJson(source)
    const first = seen.get(key)
    if (first === undefined) seen.set(key, place)
    else findings.push({ place, problem: 'duplicate', message: `the rule repeats ${first}` })
    if (knownActions !== undefined) findings.push(...lintAgainst(rule, rules, knownActions))
  }
  for (const scope of implies.keys()) findings.push(...lintImplied(scope, implies))
  return findings
}

function lintAgainst(
  rule: CompiledRule,
  rules: readonly CompiledRule[],
  knownActions: readonly Action[],
): LintFinding[] {
  const { place, source } = rule
  const matched = knownActions.filter((action) => rule.matches(action))
  if (matched.length === 0) {
    return [{ place, problem: 'unmatched', message: `${JSON.stringify(source.match)} matches no known action` }]
  }
  if (rule.cost === undefined || rule.monitor) return []
  const earlier = rules.slice(0, rules.indexOf(rule)).filter((other) => other.cost !== undefined && !other.monitor)
  const shadowed = matched.every((action) => earlier.some((other) => other.matches(action)))
  if (!shadowed) return []
  return [
    { place, problem: 'cost_shadowed', message: 'an earlier rule states the cost of every known action that matches' },
  ]
}

function lintImplied(scope: string, implies: ReadonlyMap<string, readonly string[]>): LintFinding[] {
  const place = `policy.implies[${JSON.stringify(scope)}]`
  const findings: LintFinding[] = []
  const reached = new Set(implies.get(scope))
  for (const next of reached) for (const further of implies.get(next) ?? []) reached.add(further)
  if (reached.has(scope)) findings.push({ place, problem: 'implies_cycle', message: 'the scope implies itself' })
  for (const implied of implies.get(scope) ?? []) {
    if (!implied.startsWith('mcp:') || grantsFromScopes([implied]).length > 0) continue
    findings.push({ place, problem: 'scope_grants_nothing', message: `${JSON.stringify(implied)} is no valid grant` })
  }
  return findings
}

/** JSON with sorted keys, so that the order in which a rule was written does not hide a repetition. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
