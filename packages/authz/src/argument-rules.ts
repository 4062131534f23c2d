import { ANY, type Crosses, matches, RUN, type Token } from './glob.ts'

/** Text longer than this is not a repository, a path or a host: it is refused where an argument is constrained. */
export const MAX_ARGUMENT_CHARS = 4096

export interface ArgumentRule {
  readonly name: string
  /** True if one of the globs matches the text. */
  test(text: string): boolean
}

const crossesNoSeparator: Crosses = (code) => code !== 0x2f && code !== 0x5c

/** Compiles the globs of one argument; every character but `*` stands for itself. Undefined if a glob can never match. */
export function compileArgumentRule(name: string, globs: readonly string[]): ArgumentRule | undefined {
  const exact = new Set<string>()
  const open: (readonly Token[])[] = []
  for (const glob of globs) {
    if (typeof glob !== 'string' || glob.includes('***') || glob.length > MAX_ARGUMENT_CHARS) return undefined
    if (glob.includes('*')) open.push(tokenise(glob))
    else exact.add(glob)
  }
  if (exact.size + open.length === 0) return undefined
  const anything = open.some((tokens) => tokens.length === 1 && tokens[0] === ANY)
  return {
    name,
    test(text) {
      if (anything || exact.has(text)) return true
      if (text.length > MAX_ARGUMENT_CHARS || isEvasive(text)) return false
      return open.some((tokens) => matches(tokens, text, crossesNoSeparator))
    },
  }
}

function tokenise(glob: string): readonly Token[] {
  const tokens: Token[] = []
  let literal = ''
  for (let i = 0; i < glob.length; i++) {
    if (glob[i] !== '*') {
      literal += glob[i]
      continue
    }
    if (literal !== '') tokens.push(literal)
    literal = ''
    const double = glob[i + 1] === '*'
    tokens.push(double ? ANY : RUN)
    if (double) i++
  }
  if (literal !== '') tokens.push(literal)
  return tokens
}

/** A wildcard stands for names, not for a way out of them: no `.` or `..` between separators, no control characters. */
function isEvasive(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true
  }
  return text.split(/[/\\]/).some((segment) => segment === '..' || segment === '.')
}

/** True for a glob that no text can match: what it holds beside its wildcards is refused wherever a wildcard stands. */
export function matchesNoText(glob: string): boolean {
  return glob.includes('*') && isEvasive(glob)
}

/** JSON pointer of the argument that breaks a rule, or undefined if none does. */
export function brokenArgument(rules: readonly ArgumentRule[], given: unknown): string | undefined {
  for (const rule of rules) {
    const pointer = `/${rule.name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const value: unknown =
      typeof given === 'object' && given !== null && Object.hasOwn(given, rule.name)
        ? (given as Record<string, unknown>)[rule.name]
        : undefined
    if (typeof value === 'string') {
      if (!rule.test(value)) return pointer
    } else if (Array.isArray(value) && value.length > 0) {
      for (let i = 0; i < value.length; i++) {
        const element: unknown = value[i]
        if (typeof element !== 'string' || !rule.test(element)) return `${pointer}/${i}`
      }
    } else {
      return pointer
    }
  }
  return undefined
}
