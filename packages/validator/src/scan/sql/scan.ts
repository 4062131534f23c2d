import { isDigit } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { beginsStatement, continuesAsSql } from './breakout.ts'
import { isComparison } from './comparison.ts'
import { lexSql, type SqlToken } from './lexer.ts'
import { endsClause, isCase, isSelect, isStrongStatement } from './statements.ts'
import { CATALOG_NAMES, CONDITION_WORDS, KNOWN_FUNCTIONS, ORDINARY_FUNCTIONS, PROBING_FUNCTIONS } from './words.ts'

/**
 * SQL that was put into a value: the value is read as it stands, and as what follows the quote that it closes. Three readings at most, each linear.
 */
export function scanSql(text: string, hit: Hit): void {
  readSql(text, hit)
  const once = undoubled(text)
  if (once !== undefined) readSql(once, hit)
}

function readSql(text: string, hit: Hit): void {
  const plain = lexSql(text, 0)
  scanTokens(plain, hit)
  if (continuesAsSql(plain, 0, '')) hit('sql.breakout', 0)
  for (const quote of ["'", '"']) {
    const at = text.indexOf(quote)
    if (at < 0) continue
    const tokens = lexSql(text, at + 1)
    if (continuesAsSql(tokens, 0, quote, quote === '"' && isDigit(text.charCodeAt(at - 1)))) hit('sql.breakout', at)
    scanTokens(tokens, hit)
  }
}

/** As in CSV, where a quote is written twice: `"" or ""a""=""a`. */
const undoubled = (text: string): string | undefined =>
  text.includes('""') && text.length > 4 ? text.replaceAll('""', '"') : undefined

function scanTokens(tokens: readonly SqlToken[], hit: Hit): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as SqlToken
    switch (token.kind) {
      case 'word':
      case 'call':
        scanWord(tokens, i, token, hit)
        break
      case 'operator':
        if (
          (token.value === '||' || token.value === '&&') &&
          tokens[i + 1]?.kind !== 'word' &&
          isComparison(tokens, i + 1)
        )
          hit('sql.tautology', token.at)
        break
      case 'variable':
        if (token.value.startsWith('@@') && token.value.length > 3) hit('sql.catalog', token.at)
        break
      case ';':
        if (i === 0 && tokens.length === 2 && tokens[1]?.kind === 'comment') hit('sql.stacked', token.at)
        if (tokens[i + 1] !== undefined && beginsStatement(tokens, i + 1)) hit('sql.stacked', token.at)
        break
      case ')':
        if (closesAndGoesOn(tokens, i)) hit('sql.breakout', token.at)
        break
      default:
    }
  }
}

function scanWord(tokens: readonly SqlToken[], i: number, { kind, value, at }: SqlToken, hit: Hit): void {
  const next = tokens[i + 1]
  if (value === 'union') {
    if (joinsSelect(tokens, i + 1)) hit('sql.union', at)
  } else if (value === 'select') {
    if (isSelect(tokens, i)) hit('sql.statement', at)
  } else if (CONDITION_WORDS.has(value) && isComparison(tokens, i + 1)) {
    hit('sql.tautology', at)
  } else if ((value === 'order' || value === 'group') && next?.value === 'by') {
    if (tokens[i + 2]?.kind === 'number' && (i > 0 ? endsClause(tokens, i + 3) : tokens[i + 3]?.kind === 'comment'))
      hit('sql.breakout', at)
  } else if (value === 'case') {
    if (isCase(tokens, i)) hit('sql.statement', at)
  } else if (value === 'into') {
    if (next?.value === 'outfile' || next?.value === 'dumpfile') hit('sql.statement', at)
  } else if (value === 'waitfor') {
    if (next?.value === 'delay' && (tokens[i + 2]?.kind === 'string' || tokens[i + 2]?.kind === 'open'))
      hit('sql.function', at)
  } else if (value === 'procedure' && next?.value === 'analyse') {
    hit('sql.function', at)
  } else if (isStrongStatement(tokens, i)) {
    hit('sql.statement', at)
  }
  if (kind === 'call') scanCall(tokens, i, value, at, hit)
  if (isCatalog(value)) {
    if (value.includes('.') || value.includes('$') || tokens[i - 1]?.value === 'from' || value.includes('_'))
      hit('sql.catalog', at)
  }
  if (value.startsWith('xp_') || value.startsWith('dbms_') || value.startsWith('utl_')) hit('sql.function', at)
}

function isCatalog(value: string): boolean {
  if (CATALOG_NAMES.has(value)) return true
  for (let dot = value.indexOf('.'); dot > 0; dot = value.indexOf('.', dot + 1)) {
    if (CATALOG_NAMES.has(value.slice(0, dot)) || CATALOG_NAMES.has(value.slice(dot + 1))) return true
  }
  return false
}

function scanCall(tokens: readonly SqlToken[], i: number, value: string, at: number, hit: Hit): void {
  const name = value.slice(value.lastIndexOf('.') + 1)
  const argument = tokens[i + 2]
  // A value that is the beginning of a call, cut off, is a probe.
  if (tokens.length === 2 && (PROBING_FUNCTIONS.has(name) || KNOWN_FUNCTIONS.has(name))) hit('sql.function', at)
  if (PROBING_FUNCTIONS.has(name)) {
    const empty = argument?.kind === ')' || argument === undefined
    const worded = argument?.kind === 'word' && !name.includes('_') && !/^\d/.test(argument.value)
    if (ORDINARY_FUNCTIONS.has(name) ? empty : !worded || name.includes('_')) hit('sql.function', at)
    else if (ORDINARY_FUNCTIONS.has(name) && argument?.kind === 'call') hit('sql.function', at)
  } else if (name === 'if' && isComparison(tokens, i + 2) && hasComma(tokens, i + 2)) {
    hit('sql.function', at)
  } else if ((name === 'char' || name === 'chr' || name === 'nchar') && argument?.kind === 'number') {
    const after = tokens[i + 4]
    if (after?.value === '||' || after?.value === '+' || tokens[i + 3]?.kind === ',') hit('sql.function', at)
  } else if (
    (name === 'cast' || name === 'convert') &&
    (argument?.kind === 'call' || argument?.kind === '(' || argument?.value === '0x' || argument?.kind === 'variable')
  ) {
    hit('sql.function', at)
  } else if (
    KNOWN_FUNCTIONS.has(name) &&
    (argument?.value === '0x' || (argument?.kind === 'call' && PROBING_FUNCTIONS.has(argument.value)))
  ) {
    hit('sql.function', at)
  }
}

/** `union`, then `select`, with what may stand between them. */
function joinsSelect(tokens: readonly SqlToken[], from: number): boolean {
  for (let i = from; i < from + 5; i++) {
    const token = tokens[i]
    if (token === undefined) return false
    if (token.value === 'select' || token.value === 'values') return true
    const between =
      token.kind === '(' ||
      token.value === 'all' ||
      token.value === 'distinct' ||
      token.value === 'distinctrow' ||
      token.value === '+' ||
      token.value === '%'
    if (!between) return false
  }
  return false
}

/** `)` that nothing opened, then a comment, a condition, a clause or a statement. */
function closesAndGoesOn(tokens: readonly SqlToken[], at: number): boolean {
  if (tokens[at + 1]?.kind === ')') return false
  let first = at
  while (first > 0 && tokens[first - 1]?.kind === ')') first--
  const before = tokens[first - 1]
  // What is closed was opened by the program: the value begins with one operand, or a quote was just closed.
  if (first > 2 || (first > 0 && before?.kind !== 'number' && before?.kind !== 'word' && before?.kind !== 'string'))
    return false
  const next = tokens[at + 1]
  if (next === undefined) return false
  if (next.kind === 'comment') return next.end - next.at <= next.value.length + 2
  if (next.value === 'as') {
    const clause = tokens[at + 3]
    return clause?.value === 'where' || clause?.kind === ';' || clause?.value === 'union' || clause?.kind === 'comment'
  }
  if (next.kind === ';') return beginsStatement(tokens, at + 2)
  return (next.value === 'order' || next.value === 'group') && tokens[at + 2]?.value === 'by'
}

function hasComma(tokens: readonly SqlToken[], from: number): boolean {
  for (let i = from; i < from + 32 && tokens[i] !== undefined; i++) if (tokens[i]?.kind === ',') return true
  return false
}
