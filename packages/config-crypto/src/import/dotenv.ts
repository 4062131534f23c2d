import { inFile, malformed } from '../errors.ts'
import { readConfigText } from '../files/config-file.ts'
import type { Imported } from './imported.ts'

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/
/** Nothing but a comment: a whole line, or what is behind a quoted value. */
const emptySyntax = /^[ \t]*(?:#.*)?$/

const quotes: ReadonlySet<string> = new Set(['"', "'", '`'])

type Bad = (what: string) => Error

const endOfLine = (text: string, at: number): number => {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** Where the quote ends that begins at `start`; in double quotes a backslash hides it. */
const endOfQuote = (text: string, start: number): number => {
  const quote = text[start]
  for (let at = start + 1; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++
    else if (text[at] === quote) return at
  }
  return -1
}

/** The value that begins at `start`, and where its last line ends. */
const readValue = (text: string, start: number, bad: Bad): { readonly value: string; readonly next: number } => {
  const quote = text.charAt(start)
  if (!quotes.has(quote)) {
    const next = endOfLine(text, start)
    const value = text
      .slice(start, next)
      .replace(/(?:^|[ \t])#.*$/, '')
      .trim()
    if (/[\u2028\u2029]/.test(value)) throw bad('a line separator of Unicode in a value without quotes')
    // dotenv ends the value there, a shell does not.
    if (value.includes('#')) throw bad('a "#" in a value without quotes')
    if (quotes.has(value.charAt(0))) throw bad('a quote behind an unusual space')
    return { value, next }
  }
  const close = endOfQuote(text, start)
  if (close < 0) throw bad('a quote that is not closed')
  const next = endOfLine(text, close)
  if (!emptySyntax.test(text.slice(close + 1, next))) throw bad('something behind a quoted value')
  const inner = text.slice(start + 1, close)
  if (quote !== '"') {
    if (inner.endsWith('\\')) throw bad('a backslash before a quote')
    return { value: inner, next }
  }
  // dotenv leaves the backslashes of all others in the value, other readers do not.
  if (/\\[^nr]/.test(inner)) throw bad('a backslash in double quotes that is not \\n or \\r')
  return { value: inner.replaceAll('\\n', '\n').replaceAll('\\r', '\r'), next }
}

/**
 * The assignments of a `.env` file. What is read is read as dotenv reads it; refused, each with its line and without what stands there, is what it leaves to chance or others read
 * otherwise: a name that is there twice, a line that is none, a quote without an end, `#` inside of a value without quotes, a backslash in double quotes that is not `\n` or `\r`, one
 * before a closing quote, and values that dotenvx encrypted. Nothing is expanded.
 * @throws ConfigError `ERR_CONFIG_MALFORMED`
 */
export const parseDotenv = (source: string): readonly Imported[] => {
  const text = source.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  const found = new Map<string, string>()
  for (let at = 0; at < text.length; ) {
    const bad: Bad = (what) => malformed(`${what} at line ${text.slice(0, at).split('\n').length}`)
    const end = endOfLine(text, at)
    const line = text.slice(at, end)
    if (emptySyntax.test(line)) {
      at = end + 1
      continue
    }
    const [prefix, name] = assignment.exec(line) ?? []
    if (prefix === undefined || name === undefined) throw bad('no assignment')
    if (found.has(name)) throw bad('a name that was there already')
    const { value, next } = readValue(text, at + prefix.length, bad)
    if (value.startsWith('encrypted:')) throw bad('a value that dotenvx encrypted: decrypt the file first')
    found.set(name, value)
    at = next + 1
  }
  return [...found].map(([name, value]) => ({ name, value, sealed: true }))
}

/** Reads a `.env` file: `parseDotenv`. @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_READ`, `ERR_CONFIG_UNSAFE` */
export const importDotenv = (path: string): readonly Imported[] => {
  const text = readConfigText(path)
  return inFile(path, () => parseDotenv(text))
}
