import { RE2JS } from 're2js'
import { ValidatorError } from '../errors.ts'
import { isValueKind } from '../kinds/compile.ts'
import type { UserRule } from '../types.ts'
import type { UserRuleDefinition } from './types.ts'

const MAX_PATTERN_CHARS = 2000
const MAX_PROGRAM = 10_000
const SEVERITIES = ['low', 'medium', 'high', 'critical']
const MODES = ['off', 'monitor', 'enforce']
const FLAGS: Readonly<Record<string, number>> = { i: RE2JS.CASE_INSENSITIVE, s: RE2JS.DOTALL, m: RE2JS.MULTILINE }

/**
 * Makes rules ready for `createValidator({ userRules })`.
 * @throws ValidatorError ERR_VALIDATOR_RULE with the id of the rule and what is wrong
 */
export function compileUserRules(definitions: readonly UserRuleDefinition[]): UserRule[] {
  if (!Array.isArray(definitions)) throw new ValidatorError('ERR_VALIDATOR_RULE', 'rules must be a list')
  const ids = new Set<string>()
  return definitions.map((definition, index) => {
    const rule = compileOne(definition, index)
    if (ids.has(rule.id)) throw new ValidatorError('ERR_VALIDATOR_RULE', `rule ${rule.id} stands twice`)
    ids.add(rule.id)
    return rule
  })
}

function compileOne(definition: UserRuleDefinition, index: number): UserRule {
  const named = typeof definition?.id === 'string' ? JSON.stringify(definition.id.slice(0, 80)) : `[${index}]`
  const fail = (problem: string, cause?: unknown): never => {
    throw new ValidatorError(
      'ERR_VALIDATOR_RULE',
      `rule ${named}: ${problem}`,
      cause === undefined ? undefined : { cause },
    )
  }
  if (typeof definition !== 'object' || definition === null) return fail('it must be an object')
  const {
    id,
    pattern,
    flags = '',
    message,
    severity = 'medium',
    mode = 'monitor',
    kinds,
    tests: _tests,
    ...unknown
  } = definition
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(`unknown field ${JSON.stringify(field)}`)
  if (typeof id !== 'string' || !/^user\.[a-z0-9_.-]{1,64}$/.test(id))
    fail('id must begin with "user." and hold lower-case letters, digits, "_", "." and "-"')
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > MAX_PATTERN_CHARS)
    fail(`pattern must be a text of 1 to ${MAX_PATTERN_CHARS} characters`)
  if (typeof message !== 'string' || message === '' || message.length > 200)
    fail('message must be a text of 1 to 200 characters')
  if (!SEVERITIES.includes(severity)) fail(`severity must be one of ${SEVERITIES.join(', ')}`)
  if (!MODES.includes(mode)) fail(`mode must be one of ${MODES.join(', ')}`)
  if (kinds !== undefined && (!Array.isArray(kinds) || !kinds.every(isValueKind))) fail('kinds must be a list of kinds')
  const regexp = compilePattern(pattern, flags, fail)
  return {
    id,
    severity,
    message,
    mode,
    ...(kinds === undefined ? {} : { kinds }),
    find(text) {
      const matcher = regexp.matcher(text)
      return matcher.find() ? matcher.start() : -1
    },
  }
}

function compilePattern(pattern: string, flags: string, fail: (problem: string, cause?: unknown) => never): RE2JS {
  let bits = 0
  for (const flag of flags) bits |= FLAGS[flag] ?? fail(`flag ${JSON.stringify(flag)} is not known; known: i, m, s`)
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(pattern, bits)
  } catch (error) {
    return fail(error instanceof Error ? error.message : 'the pattern cannot be compiled', error)
  }
  return compiled.programSize() > MAX_PROGRAM ? fail('the pattern unfolds into too large a program') : compiled
}
