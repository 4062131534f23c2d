import { words } from '../../text/chars.ts'
import type { SqlToken } from './lexer.ts'
import { BINARY_WORDS, CLAUSE_WORDS, KNOWN_FUNCTIONS, PROBING_FUNCTIONS, STATEMENTS, UNARY_WORDS } from './words.ts'

const COMPARISONS = new Set([
  '=',
  '<',
  '>',
  '<=',
  '>=',
  '<>',
  '!=',
  '==',
  '<=>',
  '||',
  '&&',
  '|',
  '&',
  '^',
  '<<',
  '>>',
  '!<',
  '!>',
])
const UNARY_OPERATORS = new Set(['+', '-', '!', '~', '@'])

/**
 * Whether tokens that follow an operand go on as SQL up to an end that suits an injection: an open string of the quote that was broken out of (which the
 * program's own quote closes) or a comment that hides the rest. A text in which an apostrophe or an inch mark happens to stand fails at its first words.
 * @param inches a digit stands before the quote
 * @param quote the quote that was closed before `from`; empty where the value stands without quotes, in which case more evidence is asked for
 */
export function continuesAsSql(tokens: readonly SqlToken[], from: number, quote: string, inches = false): boolean {
  let evidence = 0
  let logical = false
  let compared = false
  // A value may also begin with the operator: ` or 1=1 --`.
  const leads =
    quote === '' && (isLogical(tokens[from]) || tokens[from]?.value === '||' || tokens[from]?.value === '&&')
  let wantsOperand = quote === '' && !leads
  let last: SqlToken | undefined
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i] as SqlToken
    const { kind, value } = token
    if (kind === 'comment') {
      // Right behind the quote, or behind what closes parentheses, the comment is the only evidence; then it must be empty.
      if (quote !== '' && evidence === 0 && onlyCloses(tokens, from, i)) return token.end - token.at <= value.length + 2
      const empty = token.end - token.at <= value.length + 2
      return evidence + (wantsOperand ? 0 : empty && quote === '' ? 2 : 1) >= (quote === '' ? 3 : 2)
    }
    if (wantsOperand) {
      if (kind === 'open')
        return (
          value === quote && evidence >= 1 && (token.end - token.at > 1 || last?.kind === 'operator' || isLogical(last))
        )
      if (kind === 'number' || kind === 'string' || kind === 'variable') {
        wantsOperand = false
        if (
          kind === 'variable' ||
          (last?.kind === 'operator' && ARITHMETIC.has(last.value) && quote === '' && isLiteral(tokens[i - 2]))
        )
          evidence++
      } else if (kind === 'word' || kind === 'call') {
        if (UNARY_WORDS.has(value)) {
          evidence += value === 'all' || value === 'n' || value === 'any' || value === 'some' ? 0 : 1
        } else if (value === 'select' || value === 'case') {
          evidence += 2
        } else {
          if (kind === 'call' ? PROBING_FUNCTIONS.has(value) || KNOWN_FUNCTIONS.has(value) : NILADIC.has(value))
            evidence++
          wantsOperand = kind === 'call'
          if (kind === 'call') i++
          if (kind === 'call' && tokens[i + 1]?.kind === ')') {
            i++
            wantsOperand = false
          }
        }
      } else if (kind === 'operator' && value === '*') {
        wantsOperand = false
      } else if (kind === '(' || (kind === 'operator' && UNARY_OPERATORS.has(value))) {
        // Still an operand to come.
      } else return false
    } else if (kind === 'operator') {
      // `9"&page=1&sort=2` is the rest of a query string.
      if (value === '&' && tokens[i + 1]?.kind === 'word' && tokens[i + 2]?.value === '=') return false
      if (COMPARISONS.has(value)) {
        evidence++
        compared ||= value !== '|' && value !== '&'
      }
      wantsOperand = true
    } else if (kind === 'word' || kind === 'call') {
      const negated = value === 'not' && BINARY_WORDS.has(tokens[i + 1]?.value ?? '')
      if (BINARY_WORDS.has(value) || negated) {
        evidence++
        logical ||= isLogical(token)
        compared ||= !isLogical(token)
        wantsOperand = true
        if (negated || ((value === 'is' || value === 'sounds') && tokens[i + 1]?.kind === 'word')) i++
      } else if (CLAUSE_WORDS.has(value)) {
        evidence++
        wantsOperand = value !== 'end'
        if ((value === 'order' || value === 'group') && tokens[i + 1]?.value !== 'by') return false
        if (value === 'order' || value === 'group' || value === 'union') i++
        if (value === 'union') return tokens[i]?.value === 'select' || tokens[i + 1]?.value === 'select'
      } else return false
    } else if (kind === ')') {
      // Closes what the program opened.
    } else if (kind === 'string' && i === from) {
      // Two strings side by side are one.
    } else if (kind === ',') {
      wantsOperand = true
    } else if (kind === ';') {
      const next = tokens[i + 1]
      if (next === undefined) return evidence >= 2
      if (next.kind === 'comment') return true
      return Object.hasOwn(STATEMENTS, next.value) && beginsStatement(tokens, i + 1)
    } else return false
    last = token
  }
  // `16" or 18` are inches.
  const telling = logical && isLiteral(last) && !(inches && last?.kind === 'number')
  return quote !== '' && !wantsOperand && (evidence >= 3 || (logical && compared) || telling)
}

const ARITHMETIC = new Set(['*', '/', '+', '-', '%'])
/** Functions that are called without parentheses. */
export const NILADIC = words(
  'utc_date utc_time utc_timestamp current_user current_date current_time current_timestamp session_user system_user rownum sysdate localtime localtimestamp',
)
const isLogical = (token: SqlToken | undefined): boolean =>
  token?.value === 'or' || token?.value === 'and' || token?.value === 'xor'
const isLiteral = (token: SqlToken | undefined): boolean => token?.kind === 'number' || token?.kind === 'string'

const onlyCloses = (tokens: readonly SqlToken[], from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (tokens[i]?.kind !== ')') return false
  return true
}

/** Whether a statement begins at a token: its first word, and what must come next. */
export function beginsStatement(tokens: readonly SqlToken[], at: number): boolean {
  const first = tokens[at]
  if (first === undefined) return false
  if (first.kind !== 'word' && first.kind !== 'call') return false
  const follows = Object.hasOwn(STATEMENTS, first.value) ? STATEMENTS[first.value] : undefined
  if (follows === undefined) return false
  const next = tokens[at + 1]
  if (follows !== '*') return next !== undefined && follows.has(next.value)
  if (next === undefined) return first.value === 'shutdown'
  switch (first.value) {
    case 'select':
    case 'values':
    case 'print':
      return next.kind !== 'open' && next.kind !== 'other' && next.kind !== ')'
    case 'update':
      return tokens[at + 2]?.value === 'set' || tokens[at + 3]?.value === 'set'
    case 'set':
      return next.kind === 'variable' || tokens[at + 2]?.value === '=' || next.value === 'global'
    case 'declare':
      return next.kind === 'variable' || next.kind === 'word'
    case 'exec':
    case 'execute':
      return (
        first.kind === 'call' ||
        next.kind === 'variable' ||
        next.value.includes('_') ||
        next.value.includes('.') ||
        next.value === 'immediate'
      )
    case 'if':
    case 'while':
      return first.kind === 'call' || next.value === 'exists'
    case 'begin':
      return next.kind === 'word' || next.kind === 'call'
    case 'with':
      return tokens[at + 2]?.value === 'as'
    case 'copy':
      return tokens[at + 2]?.value === 'from' || tokens[at + 2]?.value === 'to' || first.kind === 'call'
    case 'call':
    case 'do':
      return next.kind === 'call'
    case 'kill':
      return next.kind === 'number'
    case 'shutdown':
      return next.kind === ';' || next.kind === 'comment' || next.value === 'with'
    case 'handler':
      return tokens[at + 2]?.value === 'open' || tokens[at + 2]?.value === 'read'
    case 'use':
      return tokens[at + 2] === undefined || tokens[at + 2]?.kind === ';' || tokens[at + 2]?.kind === 'comment'
    default:
      return first.value === 'dbcc'
  }
}
