import { ValidatorError } from '../errors.ts'
import { RULES } from '../findings/rules.ts'
import type { Suppression, UserRule } from '../types.ts'

/** Answers the reason why a finding is not enforced, if there is one at this moment. */
export type Suppress = (ruleId: string, tool: string | undefined, pointer: string) => string | undefined

const MAX_SUPPRESSIONS = 1000
const YEAR_MS = 366 * 24 * 3_600_000

interface Compiled {
  readonly rule: string
  readonly prefix: boolean
  readonly tool: string | undefined
  readonly steps: readonly string[] | undefined
  readonly reason: string
  readonly expiresMs: number
}

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS for one that is malformed, that never ends, or whose rule there is not */
export function compileSuppressions(
  list: readonly Suppression[],
  userRules: readonly UserRule[],
  now: () => number,
): Suppress {
  const fail = (problem: string): never => {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `suppressions${problem}`)
  }
  if (!Array.isArray(list) || list.length > MAX_SUPPRESSIONS) fail(` must be a list of at most ${MAX_SUPPRESSIONS}`)
  const ids = [...Object.keys(RULES), ...userRules.map(({ id }) => id)]
  const compiled = list.map((entry: Suppression, index): Compiled => {
    const place = `[${index}]`
    if (typeof entry !== 'object' || entry === null) fail(`${place} must be an object`)
    const { rule, tool, pointer, reason, expires, ...unknown } = entry
    const [field] = Object.keys(unknown)
    if (field !== undefined) fail(`${place} has an unknown field ${JSON.stringify(field)}`)
    const prefix = typeof rule === 'string' && rule.endsWith('.*')
    const named = prefix ? rule.slice(0, -1) : rule
    if (typeof rule !== 'string' || !(prefix ? ids.some((id) => id.startsWith(named)) : ids.includes(rule)))
      fail(`${place}.rule: there is no rule ${JSON.stringify(rule)}`)
    if (typeof reason !== 'string' || reason.trim().length < 3) fail(`${place}.reason must say why`)
    const expiresMs = typeof expires === 'string' && /^\d{4}-\d\d-\d\d/.test(expires) ? Date.parse(expires) : Number.NaN
    if (Number.isNaN(expiresMs)) fail(`${place}.expires must be a date such as 2026-12-31`)
    if (expiresMs > now() + YEAR_MS) fail(`${place}.expires must be within a year`)
    if (tool !== undefined && (typeof tool !== 'string' || tool === ''))
      fail(`${place}.tool must be the name of a tool`)
    if (pointer !== undefined && (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))))
      fail(`${place}.pointer is no JSON pointer`)
    return {
      rule: named,
      prefix,
      tool: tool === undefined || tool.includes('/') ? tool : `local/${tool}`,
      steps: pointer === undefined ? undefined : pointer.split('/').slice(1),
      reason,
      expiresMs,
    }
  })
  if (compiled.length === 0) return () => undefined
  return (ruleId, tool, pointer) => {
    const nowMs = now()
    for (const { rule, prefix, tool: only, steps, reason, expiresMs } of compiled) {
      if (nowMs >= expiresMs || !(prefix ? ruleId.startsWith(rule) : ruleId === rule)) continue
      if (only !== undefined && only !== tool) continue
      if (steps === undefined || matches(steps, pointer)) return reason
    }
    return undefined
  }
}

function matches(steps: readonly string[], pointer: string): boolean {
  const given = pointer.split('/').slice(1)
  return given.length === steps.length && steps.every((step, i) => step === '*' || step === given[i])
}
