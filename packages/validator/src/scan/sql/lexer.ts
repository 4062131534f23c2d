import { findWithin, hexDigit, isDigit, isLetter, isSpace, isWord } from '../../text/chars.ts'
import { LENIENT, type SqlDialect } from './dialects.ts'
import { BINARY_WORDS, CLAUSE_WORDS } from './words.ts'

export type SqlKind =
  | 'number'
  | 'string'
  /** A string that the end of the text cuts off. */
  | 'open'
  | 'word'
  /** A word with `(` behind it. */
  | 'call'
  | 'variable'
  | 'operator'
  | '('
  | ')'
  | ','
  | ';'
  /** Ends with the text, or was never closed. */
  | 'comment'
  | 'other'

export interface SqlToken {
  readonly kind: SqlKind
  /** Words in lower case; operators as they are; a string's quote. */
  readonly value: string
  readonly at: number
  readonly end: number
}

const LONGEST_WORD = 64
const TWO_CHAR_OPERATORS = new Set(['<=', '>=', '<>', '!=', '==', '||', '&&', '<<', '>>', ':=', '!<', '!>', '*=', '~*'])

/**
 * Reads SQL from `start` on, without a dialect as lenient as they are together: comments are left out (those that reach the end of the text are a token), what stands
 * in MySQL's conditional comments counts. Every character is read once.
 */
export function lexSql(text: string, start: number, dialect: SqlDialect = LENIENT): SqlToken[] {
  const tokens: SqlToken[] = []
  const length = text.length
  let i = start
  // One that is not closed closes nowhere: no other is looked for.
  let backticks = dialect.backticks
  let brackets = dialect.brackets !== 'no'
  const push = (kind: SqlKind, value: string, end: number): void => {
    tokens.push({ kind, value, at: i, end })
    i = end
  }
  while (i < length) {
    const code = text.charCodeAt(i)
    const next = text.charCodeAt(i + 1)
    if (isSpace(code) || code < 0x20) {
      i++
    } else if (isDigit(code) || (code === 0x2e && isDigit(next))) {
      push(...number(text, i))
    } else if (code === 0x24 && dialect.dollar && dollarTag(text, i) !== undefined) {
      const tag = dollarTag(text, i) as string
      const end = text.indexOf(tag, i + tag.length)
      push(end < 0 ? 'open' : 'string', '$', end < 0 ? length : end + tag.length)
    } else if (code === 0x5b && brackets) {
      const end = bracketEnd(text, i + 1, dialect.brackets === 'doubled')
      if (end < 0) brackets = false
      push(
        end < 0 ? 'other' : 'word',
        end < 0 ? '[' : text.slice(i + 1, Math.min(end - 1, i + LONGEST_WORD)).toLowerCase(),
        end < 0 ? i + 1 : end,
      )
    } else if (isWord(code) || code > 0x7f || code === 0x24) {
      pushWord(text, i, push)
    } else if (code === 0x5c && (next | 0x20) === 0x6e && !isWord(text.charCodeAt(i + 2))) {
      // `\N` is NULL.
      push('number', 'null', i + 2)
    } else if (code === 0x27 || code === 0x22 || code === 0x60) {
      const end =
        code === 0x60 && !backticks
          ? -1
          : stringEnd(text, i + 1, code, dialect.backslash || (dialect.dollar && isEscapeString(text, i)))
      if (code === 0x60 && end < 0) backticks = false
      if (code === 0x60)
        push(
          end < 0 ? 'other' : 'word',
          text.slice(i + 1, Math.min(end < 0 ? i + 1 : end - 1, i + LONGEST_WORD)).toLowerCase(),
          end < 0 ? i + 1 : end,
        )
      else push(end < 0 ? 'open' : 'string', text.charAt(i), end < 0 ? length : end)
    } else if (code === 0x2d && next === 0x2d && !(dialect.dashNeedsSpace && text.charCodeAt(i + 2) > 0x20)) {
      const end = lineEnd(text, i, dialect.returnEndsLine)
      if (end >= length) push('comment', '--', length)
      else i = end
    } else if (code === 0x23 && dialect.hash) {
      const end = lineEnd(text, i, dialect.returnEndsLine)
      if (end >= length) push('comment', '#', length)
      else i = end
    } else if (code === 0x2f && next === 0x2a) {
      if (dialect.conditional && text.charCodeAt(i + 2) === 0x21) {
        i += 3
        while (isDigit(text.charCodeAt(i))) i++
        continue
      }
      const end = dialect.nested ? nestedEnd(text, i) : text.indexOf('*/', i + 2)
      if (end < 0) push('comment', '/*', length)
      else i = end + 2
    } else if (code === 0x2a && next === 0x2f) {
      i += 2
    } else if (code === 0x40) {
      let end = i + 1
      if (text.charCodeAt(end) === 0x40) end++
      const name = end
      while (isWord(text.charCodeAt(end)) || text.charCodeAt(end) === 0x2e) end++
      if (end === name) push('operator', '@', i + 1)
      else push('variable', text.slice(i, Math.min(end, i + LONGEST_WORD)).toLowerCase(), end)
    } else if (code === 0x28 || code === 0x29 || code === 0x2c || code === 0x3b) {
      push(text.charAt(i) as '(' | ')' | ',' | ';', '', i + 1)
    } else {
      const two = text.slice(i, i + 2)
      if (two === '<=' && text.charCodeAt(i + 2) === 0x3e) push('operator', '<=>', i + 3)
      else if (TWO_CHAR_OPERATORS.has(two)) push('operator', two, i + 2)
      else if ('=<>!+-*/%|&^~'.includes(text.charAt(i))) push('operator', text.charAt(i), i + 1)
      else push('other', text.charAt(i), i + 1)
    }
  }
  return tokens
}

/** Behind the closing quote, or -1. A doubled quote is part of the string, and with `backslash` one behind a backslash. */
export function stringEnd(text: string, from: number, quote: number, backslash = true): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x5c && backslash) i++
    else if (code === quote) {
      if (text.charCodeAt(i + 1) !== quote) return i + 1
      i++
    }
  }
  return -1
}

/** `$tag$` or `$$` at a place. */
function dollarTag(text: string, at: number): string | undefined {
  let end = at + 1
  if (isDigit(text.charCodeAt(end))) return undefined
  while (isWord(text.charCodeAt(end)) || text.charCodeAt(end) > 0x7f) end++
  return text.charCodeAt(end) === 0x24 ? text.slice(at, end + 1) : undefined
}

/** PostgreSQL's `E'...'`. */
const isEscapeString = (text: string, quote: number): boolean =>
  (text.charCodeAt(quote - 1) | 0x20) === 0x65 && !isWord(text.charCodeAt(quote - 2))

function bracketEnd(text: string, from: number, doubled: boolean): number {
  for (let i = from; i < text.length; i++) {
    if (text.charCodeAt(i) !== 0x5d) continue
    if (!doubled || text.charCodeAt(i + 1) !== 0x5d) return i + 1
    i++
  }
  return -1
}

/** Where the end mark of a comment stands in which others may stand, or -1. */
function nestedEnd(text: string, from: number): number {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const next = text.charCodeAt(i + 1)
    if (code === 0x2f && next === 0x2a) {
      depth++
      i++
    } else if (code === 0x2a && next === 0x2f) {
      if (--depth === 0) return i
      i++
    }
  }
  return -1
}

function lineEnd(text: string, from: number, orReturn: boolean): number {
  let i = from
  while (i < text.length && text.charCodeAt(i) !== 0x0a && !(orReturn && text.charCodeAt(i) === 0x0d)) i++
  return i
}

function number(text: string, start: number): [SqlKind, string, number] {
  let i = start
  if (
    text.charCodeAt(i) === 0x30 &&
    (text.charCodeAt(i + 1) | 0x20) === 0x78 &&
    hexDigit(text.charCodeAt(i + 2)) >= 0
  ) {
    i += 2
    while (hexDigit(text.charCodeAt(i)) >= 0) i++
    return ['number', '0x', i]
  }
  // MySQL takes `0xunion` for a number and a word.
  if (text.charCodeAt(i) === 0x30 && (text.charCodeAt(i + 1) | 0x20) === 0x78 && isLetter(text.charCodeAt(i + 2)))
    return ['number', '0x', i + 2]
  while (isDigit(text.charCodeAt(i))) i++
  if (text.charCodeAt(i) === 0x2e) {
    i++
    while (isDigit(text.charCodeAt(i))) i++
  }
  if ((text.charCodeAt(i) | 0x20) === 0x65) {
    let exponent = i + 1
    if (text.charCodeAt(exponent) === 0x2b || text.charCodeAt(exponent) === 0x2d) exponent++
    if (isDigit(text.charCodeAt(exponent))) {
      i = exponent
      while (isDigit(text.charCodeAt(i))) i++
    }
  }
  if (!isLetter(text.charCodeAt(i)) && text.charCodeAt(i) !== 0x5f)
    return ['number', text.slice(start, Math.min(i, start + 20)), i]
  // `1or` is a number and a word; `1st` and `8mm` are words.
  let end = i
  while (isWord(text.charCodeAt(end))) end++
  const tail = end - i > 12 ? '' : text.slice(i, end).toLowerCase()
  const suffixed = 'dfl'.includes(tail.charAt(0)) && CLAUSE_WORDS.has(tail.slice(1))
  if (suffixed && tail !== '') return ['number', text.slice(start, Math.min(i, start + 20)), i + 1]
  if (BINARY_WORDS.has(tail) || CLAUSE_WORDS.has(tail)) return ['number', text.slice(start, Math.min(i, start + 20)), i]
  return ['word', text.slice(start, Math.min(end, start + LONGEST_WORD)).toLowerCase(), end]
}

/** A word, with its parts behind dots (`mysql.user`). */
function pushWord(text: string, start: number, push: (kind: SqlKind, value: string, end: number) => void): void {
  let end = start
  for (;;) {
    const code = text.charCodeAt(end)
    if (isWord(code) || code > 0x7f || code === 0x24) end++
    else if (code === 0x2e && (isWord(text.charCodeAt(end + 1)) || text.charCodeAt(end + 1) === 0x2e)) end++
    else break
  }
  const value = text.slice(start, Math.min(end, start + LONGEST_WORD)).toLowerCase()
  let open = end
  while (isSpace(text.charCodeAt(open))) open++
  // Comments between a name and its parenthesis are an old trick.
  while (text.charCodeAt(open) === 0x2f && text.charCodeAt(open + 1) === 0x2a && open - end < 64) {
    const close = findWithin(text, '*/', open + 2, 64)
    if (close < 0 || close - open > 64) break
    open = close + 2
    while (isSpace(text.charCodeAt(open))) open++
  }
  push(text.charCodeAt(open) === 0x28 ? 'call' : 'word', value, end)
}
