/** Where dialects disagree about what is text, what is a name and what is a comment. */
export interface SqlDialect {
  /** A backslash takes the meaning of the next character in a string. */
  readonly backslash: boolean
  /** `#` begins a comment. */
  readonly hash: boolean
  /** `--` begins a comment only before white space, a control character or the end. */
  readonly dashNeedsSpace: boolean
  /** `$tag$...$tag$` is a string, and `E'...'` one with backslashes. */
  readonly dollar: boolean
  /** `[...]` is a name; with `doubled`, `]]` in it is a bracket. */
  readonly brackets: 'no' | 'plain' | 'doubled'
  readonly backticks: boolean
  /** What stands in a conditional comment is read. */
  readonly conditional: boolean
  /** Comments nest. */
  readonly nested: boolean
  /** A carriage return ends a comment of one line. */
  readonly returnEndsLine: boolean
}

/** All of them together, for a text of which nobody knows where it will stand. */
export const LENIENT: SqlDialect = {
  backslash: true,
  hash: true,
  dashNeedsSpace: false,
  dollar: false,
  brackets: 'no',
  backticks: true,
  conditional: true,
  nested: false,
  returnEndsLine: false,
}

const MYSQL: SqlDialect = { ...LENIENT, dashNeedsSpace: true }
const POSTGRES: SqlDialect = {
  ...LENIENT,
  backslash: false,
  hash: false,
  dollar: true,
  backticks: false,
  conditional: false,
  nested: true,
  returnEndsLine: true,
}
const SQLITE: SqlDialect = { ...LENIENT, backslash: false, hash: false, brackets: 'plain', conditional: false }

/** MySQL and PostgreSQL with and without backslashes (`NO_BACKSLASH_ESCAPES`, `standard_conforming_strings`), SQLite, SQL Server. */
export const DIALECTS: readonly SqlDialect[] = [
  LENIENT,
  MYSQL,
  { ...MYSQL, backslash: false },
  POSTGRES,
  { ...POSTGRES, backslash: true },
  SQLITE,
  { ...SQLITE, brackets: 'doubled', backticks: false, nested: true },
]

/** Without one of these every dialect reads the same. */
const DISPUTED = /[\\#$[`\r]|--|\/\*/

export const dialectsOf = (text: string): readonly SqlDialect[] => (DISPUTED.test(text) ? DIALECTS : [LENIENT])
