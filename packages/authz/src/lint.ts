import { matchesNoText } from './argument-rules.ts'
import type { Compiled } from './evaluate.ts'
import { restrictionCovers } from './inclusion.ts'
import { type Doubt, doubtOf } from './lint-grants.ts'
import type { CompiledRule } from './rule.ts'
import { expandScopes, grantsFromScopes, holdsScope } from './scopes.ts'
import type { Action, LintFinding } from './types.ts'

type Implies = Compiled['implies']

/** Doubts about rules that load: what cannot have the effect that its author wanted. */
export function lintPolicy(
  { rules, implies }: Compiled,
  knownActions?: readonly Action[],
  knownServers?: readonly string[],
): LintFinding[] {
  const findings: LintFinding[] = []
  const seen = new Map<string, string>()
  for (const [i, rule] of rules.entries()) {
    const { place } = rule
    const add = (doubt: Doubt | undefined): void => {
      if (doubt !== undefined) findings.push({ place, ...doubt })
    }
    const idle = whyIdle(rule)
    if (idle !== undefined) add({ problem: 'no_effect', message: idle })
    const key = sortedJson(rule.source)
    const first = seen.get(key)
    if (first === undefined) seen.set(key, place)
    else add({ problem: 'duplicate', message: `the rule repeats ${first}` })
    const doubt = doubtOf(rule.parsed, 'restrict', knownActions, knownServers)
    add(doubt)
    if (first === undefined && idle === undefined && doubt === undefined) {
      add(doubtAfter(rule, rules.slice(0, i), implies, knownActions))
    }
    findings.push(...lintScopes(rule, implies), ...lintGlobs(rule))
  }
  for (const scope of implies.keys()) findings.push(...lintImplied(scope, implies))
  return findings
}

function whyIdle(rule: CompiledRule): string | undefined {
  if (rule.scopes.length + rule.arguments.length > 0) return undefined
  if (rule.cost === undefined && rule.limit === undefined) {
    return 'the rule requires nothing, costs nothing and limits nothing'
  }
  return rule.monitor ? 'cost and limit do nothing in monitor mode' : undefined
}

/** What earlier rules take from this one. */
function doubtAfter(
  rule: CompiledRule,
  before: readonly CompiledRule[],
  implies: Implies,
  knownActions: readonly Action[] | undefined,
): Doubt | undefined {
  if (rule.monitor) return undefined
  const earlier = before.filter((other) => !other.monitor)
  const costed = earlier.filter((other) => other.cost !== undefined)
  const shadow =
    rule.cost === undefined ? undefined : costed.find((other) => restrictionCovers(other.parsed, rule.parsed))
  const isRestriction = rule.scopes.length + rule.arguments.length > 0
  if (isRestriction && rule.limit === undefined && (rule.cost === undefined || shadow !== undefined)) {
    const wider = earlier.find((other) => requires(other, rule, implies))
    if (wider !== undefined) {
      return { problem: 'redundant', message: `${wider.place} requires all that this rule requires` }
    }
  }
  if (shadow !== undefined) {
    if (shadow.cost === rule.cost) return undefined
    return { problem: 'cost_shadowed', message: `${shadow.place} states the cost of everything that matches` }
  }
  const matched = (knownActions ?? []).filter((action) => rule.matches(action))
  const hidden = matched.length > 0 && matched.every((action) => costed.some((other) => other.matches(action)))
  if (rule.cost === undefined || !hidden) return undefined
  return {
    problem: 'cost_shadowed',
    message: 'an earlier rule states the cost of every known action that matches',
  }
}

/** True only if whatever `other` lets through `rule` lets through. */
function requires(other: CompiledRule, rule: CompiledRule, implies: Implies): boolean {
  if (!restrictionCovers(other.parsed, rule.parsed)) return false
  const held = expandScopes(other.scopes, implies)
  if (!rule.scopes.every((scope) => holdsScope(held, scope))) return false
  return rule.arguments.every(({ name }) => {
    const wanted = globsOf(rule, name)
    const given = other.arguments.some((argument) => argument.name === name) ? globsOf(other, name) : undefined
    return given?.every((glob) => wanted.includes('**') || wanted.includes(glob)) ?? false
  })
}

function globsOf({ source }: CompiledRule, name: string): readonly string[] {
  return source.arguments?.[name] ?? []
}

function lintScopes({ place, scopes }: CompiledRule, implies: Implies): LintFinding[] {
  const named = new Set([...implies].flat(2))
  return scopes
    .filter((scope) => scope.startsWith('mcp:') && !named.has(scope) && grantsFromScopes([scope]).length === 0)
    .map((scope) => ({
      place,
      problem: 'scope_grants_nothing',
      message: `the required scope ${JSON.stringify(scope)} is no valid grant, and policy.implies does not know it`,
    }))
}

function lintGlobs({ place, arguments: constraints, source }: CompiledRule): LintFinding[] {
  return constraints.flatMap(({ name }) =>
    (source.arguments?.[name] ?? []).flatMap((glob, i): LintFinding[] => {
      if (!matchesNoText(glob)) return []
      const message = `${JSON.stringify(glob)} can match nothing: no wildcard is met beside control characters, "." or ".."`
      return [{ place: `${place}.arguments[${JSON.stringify(name)}][${i}]`, problem: 'impossible', message }]
    }),
  )
}

function lintImplied(scope: string, implies: Implies): LintFinding[] {
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
