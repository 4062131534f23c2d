import { type ArgumentRule, compileArgumentRule } from './argument-rules.ts'
import { AuthzError, refuseUnknownFields } from './errors.ts'
import { type ParsedGrant, parseGrant } from './grant.ts'
import { compileMatcher } from './matcher.ts'
import type { Action, PolicyRule, RuleLimit } from './types.ts'

const FIELDS = ['match', 'requireScopes', 'arguments', 'cost', 'limit', 'mode']
const MAX_COST = 1_000_000
const MAX_WINDOW_MS = 366 * 86_400_000

/** A rule made ready to decide with. */
export interface CompiledRule {
  readonly place: string
  readonly source: PolicyRule
  readonly parsed: ParsedGrant
  readonly monitor: boolean
  readonly scopes: readonly string[]
  readonly arguments: readonly ArgumentRule[]
  readonly cost?: number
  readonly limit?: RuleLimit
  matches(action: Action): boolean
}

/** @throws AuthzError ERR_AUTHZ_RULE with the rule's place */
export function compileRule(rule: PolicyRule, index: number): CompiledRule {
  const place = `policy.rules[${index}]`
  const fail = (problem: string, cause?: unknown): never => {
    throw new AuthzError('ERR_AUTHZ_RULE', `${place}: ${problem}`, cause === undefined ? undefined : { cause })
  }
  if (typeof rule !== 'object' || rule === null) return fail('it is not an object')
  refuseUnknownFields(rule, FIELDS, place, 'ERR_AUTHZ_RULE')
  const parsed = parseMatch(rule.match, fail)
  const { requireScopes = [], arguments: constraints = {}, cost, limit, mode = 'enforce' } = rule
  if (mode !== 'enforce' && mode !== 'monitor') fail('mode must be "enforce" or "monitor"')
  if (!Array.isArray(requireScopes) || !requireScopes.every(isScopeToken))
    fail('requireScopes must be an array of scopes')
  if (cost !== undefined && !(Number.isInteger(cost) && cost >= 0 && cost <= MAX_COST)) {
    fail(`cost must be a whole number from 0 to ${MAX_COST}`)
  }
  if (typeof constraints !== 'object' || constraints === null || Array.isArray(constraints)) {
    fail('arguments must be an object of argument names to arrays of globs')
  }
  const argumentRules = Object.entries(constraints).map(([name, globs]) => {
    const compiled = Array.isArray(globs) ? compileArgumentRule(name, globs) : undefined
    return compiled ?? fail(`arguments[${JSON.stringify(name)}] must be an array of globs, of which one can match`)
  })
  const matcher = compileMatcher([parsed], 'restrict')
  return {
    place,
    source: rule,
    parsed,
    monitor: mode === 'monitor',
    scopes: [...requireScopes],
    arguments: argumentRules,
    ...(cost === undefined ? {} : { cost }),
    ...(limit === undefined ? {} : { limit: compileLimit(limit, place, fail) }),
    matches: (action) => matcher.find(action) !== undefined,
  }
}

function parseMatch(match: unknown, fail: (problem: string, cause?: unknown) => never): ParsedGrant {
  if (typeof match !== 'string') return fail('match must be a grant without "!"')
  if (match.startsWith('!'))
    return fail('match is a grant without "!": a rule restricts, a deny is a grant of a principal')
  try {
    return parseGrant(match)
  } catch (error) {
    return fail((error as Error).message, error)
  }
}

/** RFC 6749 section 3.3. */
function isScopeToken(scope: unknown): boolean {
  return typeof scope === 'string' && scope.length <= 1024 && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)
}

function compileLimit(
  limit: NonNullable<PolicyRule['limit']>,
  place: string,
  fail: (problem: string) => never,
): RuleLimit {
  if (typeof limit !== 'object' || limit === null) return fail('limit must be { requests, windowMs }')
  refuseUnknownFields(limit, ['requests', 'windowMs'], `${place}.limit`, 'ERR_AUTHZ_RULE')
  const { requests, windowMs } = limit
  if (!Number.isSafeInteger(requests) || requests < 1)
    return fail('limit.requests must be a whole number of at least 1')
  if (!Number.isSafeInteger(windowMs) || windowMs < 1 || windowMs > MAX_WINDOW_MS) {
    return fail('limit.windowMs must be a whole number of milliseconds, from 1 to 366 days')
  }
  return Object.freeze({ name: place, limit: requests, windowMs })
}
