import { RE2JS } from 're2js'

const MAX_PROGRAM = 5000

interface Matcher {
  test(text: string): boolean
  toString(): string
}

/**
 * A regular expression of JSON Schema (ECMA-262 syntax) on an engine that takes linear time. Throws for what cannot be matched so: looking around, references to groups,
 * repetition that unfolds too far.
 */
export function linearRegExp(pattern: string): Matcher {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern) as string)
  if (compiled.programSize() > MAX_PROGRAM) throw new SyntaxError('the expression is too large')
  // ajv takes expressions with the same text for the same.
  return { test: (text) => compiled.test(text), toString: () => `/${pattern}/u` }
}
