import { ValidatorError } from '../errors.ts'
import { RULES } from '../findings/rules.ts'
import type { UserRule } from '../types.ts'
import { compileUserRules } from './compile.ts'
import type { UserRuleDefinition } from './types.ts'

export interface RuleProblem {
  readonly id: string
  readonly level: 'error' | 'warning'
  readonly message: string
}

/** What people write every day. A rule that matches some of it refuses honest calls. */
const HONEST = [
  '',
  ' ',
  'Ana',
  "O'Brien & Sons; since 1984",
  'Please summarise the report of last week.',
  'The quick brown fox jumps over the lazy dog.',
  'https://example.com/docs?page=2&sort=asc#top',
  'src/index.ts',
  'user@example.com',
  '2026-01-31T12:00:00Z',
  'const x = (a, b) => a + b // add',
  'SELECT name FROM users WHERE id = 1',
  'git commit -m "fix: a typo"',
  '{"id": 1, "tags": ["a", "b"]}',
  'می‌خواهم',
  'שלום עולם',
  '你好，世界',
  '👩‍👩‍👧 ❤️',
]

/** Looks for what is wrong with rules before they are used: errors make `compileUserRules` throw or a test fail; warnings are for a person to judge. Never throws. */
export function lintUserRules(definitions: readonly UserRuleDefinition[]): RuleProblem[] {
  const problems: RuleProblem[] = []
  const seen = new Map<string, string>()
  if (!Array.isArray(definitions)) return [{ id: '', level: 'error', message: 'rules must be a list' }]
  for (const [index, definition] of definitions.entries()) {
    const id = typeof definition?.id === 'string' ? definition.id : `[${index}]`
    const add = (level: RuleProblem['level'], message: string): void => {
      problems.push({ id, level, message })
    }
    let rule: UserRule
    try {
      rule = compileUserRules([definition])[0] as UserRule
    } catch (error) {
      add('error', error instanceof ValidatorError ? error.message : 'it cannot be read')
      continue
    }
    lintOne(definition, rule, add)
    const twin = seen.get(`${definition.pattern}\0${definition.flags ?? ''}`)
    if (twin !== undefined) add('warning', `its pattern is that of ${twin}`)
    else seen.set(`${definition.pattern}\0${definition.flags ?? ''}`, id)
    if (definitions.some((other, at) => at < index && other?.id === id)) add('error', 'its id stands twice')
    if (Object.hasOwn(RULES, id)) add('error', 'its id is that of a built-in rule')
  }
  return problems
}

function lintOne(
  definition: UserRuleDefinition,
  rule: UserRule,
  add: (level: RuleProblem['level'], message: string) => void,
): void {
  const { pattern, tests = {}, mode } = definition
  const { match = [], miss = [] } = tests
  for (const text of match)
    if (rule.find(text) < 0)
      add('error', `it does not match ${JSON.stringify(text.slice(0, 60))}, which its tests say it does`)
  for (const text of miss)
    if (rule.find(text) >= 0)
      add('error', `it matches ${JSON.stringify(text.slice(0, 60))}, which its tests say it does not`)
  if (rule.find('') >= 0) add(mode === 'enforce' ? 'error' : 'warning', 'it matches the empty text, and so every text')
  else {
    const honest = HONEST.filter((text) => rule.find(text) >= 0)
    if (honest.length > 0)
      add('warning', `it matches honest text: ${JSON.stringify((honest[0] as string).slice(0, 60))}`)
  }
  if (match.length === 0 || miss.length === 0)
    add('warning', 'it has no tests of both kinds: texts that must match, and near misses')
  if (pattern.startsWith('.*') || pattern.endsWith('.*'))
    add('warning', 'a leading or trailing ".*" changes nothing: a rule matches anywhere')
}
