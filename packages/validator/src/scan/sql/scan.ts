import { isDigit } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { beginsStatement, continuesAsSql, NILADIC } from './breakout.ts'
import { lexSql, type SqlToken } from './lexer.ts'
import {
  BINARY_WORDS,
  CATALOG_NAMES,
  CONDITION_WORDS,
  KNOWN_FUNCTIONS,
  ORDINARY_FUNCTIONS,
  PROBING_FUNCTIONS,
} from './words.ts'

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

/** A select list with something in it that no sentence has, or with a clause of a query behind it. */
function isSelect(tokens: readonly SqlToken[], at: number): boolean {
  const before = tokens[at - 1]
  let i = at + 1
  while (tokens[i]?.value === 'all' || tokens[i]?.value === 'distinct' || tokens[i]?.value === 'top') i++
  const first = tokens[i]
  if (first === undefined) return false
  const nested = before?.kind === '('
  if (
    nested &&
    (first.kind === 'number' ||
      first.kind === 'string' ||
      first.kind === 'variable' ||
      first.kind === 'call' ||
      first.value === '*' ||
      first.kind === '(')
  )
    return true
  if (first.kind === 'call' && (PROBING_FUNCTIONS.has(first.value) || KNOWN_FUNCTIONS.has(first.value))) return true
  if (first.value === 'null' || first.kind === 'variable') return true
  // The list: operands between commas.
  let strong = nested || first.kind === 'number' || first.value === '*' || first.kind === 'call'
  let depth = 0
  let expectsItem = true
  for (let n = 0; n < 64 && tokens[i] !== undefined; n++, i++) {
    const { kind, value } = tokens[i] as SqlToken
    if (kind === '(') depth++
    else if (kind === ')') {
      if (depth-- === 0) return nested && n <= 2
    } else if (depth > 0) {
      continue
    } else if (kind === 'comment') {
      return strong && n > 0
    } else if (kind === ',') {
      strong ||= n > 0
      expectsItem = true
    } else if (value === 'from') {
      return tokens[i + 1] !== undefined && (strong || endsClause(tokens, i + 2))
    } else if (kind === 'operator' || value === 'as') {
      expectsItem = true
      strong ||= kind === 'operator' && value !== '-'
    } else if (expectsItem) {
      expectsItem = kind === 'call'
    } else return nested && (value === 'where' || value === 'limit')
  }
  return false
}

/** The end, a comment, or what may follow a complete clause. */
function endsClause(tokens: readonly SqlToken[], at: number): boolean {
  const token = tokens[at]
  if (token === undefined) return true
  const { kind, value } = token
  if (kind === 'comment' || kind === ';' || kind === ')' || kind === ',') return true
  return (
    value === 'where' ||
    value === 'limit' ||
    value === 'order' ||
    value === 'group' ||
    value === 'union' ||
    value === 'having' ||
    value === 'join' ||
    value === 'into' ||
    value === 'procedure'
  )
}

function isCase(tokens: readonly SqlToken[], at: number): boolean {
  let compared = false
  for (let i = at + 1; i < at + 40 && tokens[i] !== undefined; i++) {
    const { kind, value } = tokens[i] as SqlToken
    if (value === 'when')
      compared ||= isComparison(tokens, i + 1) || tokens[i + 1]?.kind === 'number' || tokens[i + 1]?.kind === '('
    else if (value === 'then') return compared
    else if (kind === ';') return false
  }
  return false
}

/** A statement that changes or destroys something, whole enough to be no sentence. */
function isStrongStatement(tokens: readonly SqlToken[], i: number): boolean {
  const value = (tokens[i] as SqlToken).value
  const second = tokens[i + 1]
  const third = tokens[i + 2]
  switch (value) {
    case 'insert':
    case 'replace':
      return (
        second?.value === 'into' &&
        (tokens[i + 3]?.kind === '(' ||
          tokens[i + 3]?.value === 'values' ||
          tokens[i + 3]?.value === 'select' ||
          third?.kind === 'call')
      )
    case 'delete':
      return (
        second?.value === 'from' &&
        third?.kind === 'word' &&
        endsClause(tokens, i + 3) &&
        (tokens[i + 3] !== undefined || i === 0)
      )
    case 'update':
      return third?.value === 'set' && tokens[i + 4]?.value === '='
    case 'drop':
      return (
        (second?.value === 'table' || second?.value === 'database') &&
        third?.kind === 'word' &&
        (i > 0 || tokens[i + 3] !== undefined) &&
        endsClause(tokens, i + 3)
      )
    case 'alter':
      return (
        (second?.value === 'table' || second?.value === 'database') &&
        third?.kind === 'word' &&
        tokens[i + 3]?.kind === 'word'
      )
    case 'create':
      return (
        (second?.value === 'table' || second?.value === 'function' || second?.value === 'procedure') &&
        third?.kind === 'call'
      )
    case 'declare':
      return second?.kind === 'variable' && third?.kind === 'word'
    case 'exec':
    case 'execute':
      return (
        second !== undefined &&
        (second.value.startsWith('xp_') ||
          second.value.startsWith('sp_') ||
          second.value.includes('..') ||
          second.kind === 'variable' ||
          (second.kind === '(' && (third?.kind === 'variable' || third?.kind === 'string')) ||
          second.value === 'immediate')
      )
    case 'load':
      return second?.value === 'data' && (third?.value === 'infile' || third?.value === 'local')
    case 'truncate':
      return second?.value === 'table' && third?.kind === 'word' && endsClause(tokens, i + 3)
    case 'copy':
      return (third?.value === 'from' || third?.value === 'to') && tokens[i + 3]?.value === 'program'
    default:
      return false
  }
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

/** Whether a comparison of two operands begins here of which one is a constant, a call or a variable, or both are the same word. */
function isComparison(tokens: readonly SqlToken[], from: number, terms = 8): boolean {
  const left = operandAt(tokens, from)
  if (left === undefined) return false
  let i = left.end
  if (tokens[i]?.value === 'not') i++
  const operator = tokens[i]
  if (operator === undefined) return false
  const symbolic = operator.kind === 'operator' && '=<>!^|'.includes(operator.value.charAt(0))
  const worded =
    operator.kind !== 'operator' &&
    BINARY_WORDS.has(operator.value) &&
    operator.value !== 'and' &&
    operator.value !== 'or'
  if (!symbolic && !worded) {
    const arithmetic =
      operator.kind === 'operator' &&
      (operator.value === '*' ||
        operator.value === '-' ||
        operator.value === '+' ||
        operator.value === '/' ||
        operator.value === '%')
    return arithmetic && terms > 0 && left.kind === 'constant' && isComparison(tokens, i + 1, terms - 1)
  }
  if (operator.value === 'is') return tokens[i + 1]?.value === 'null' || tokens[i + 2]?.value === 'null'
  const right = operandAt(tokens, operator.value === 'sounds' ? i + 2 : i + 1)
  if (right === undefined) return left.kind === 'constant' && tokens[i + 1] === undefined && symbolic
  if (operator.value === 'in') return left.kind !== 'word' && right.kind !== 'word' && operator.kind === 'call'
  if (
    worded &&
    operator.value !== 'like' &&
    operator.value !== 'rlike' &&
    operator.value !== 'regexp' &&
    operator.value !== 'sounds' &&
    operator.value !== 'between'
  )
    return false
  if (left.kind !== 'word') return right.kind !== 'word' || left.kind === 'call'
  if (right.kind === 'word') return left.value === right.value && left.value.length > 0
  // `price > 100 and qty < 5` is a filter; an injection adds a condition to a bare value.
  const before = tokens[from - 2]
  return (
    before !== undefined && tokens[from - 3]?.kind !== 'operator' && (right.kind === 'call' || before.kind !== 'word')
  )
}

interface Operand {
  readonly kind: 'constant' | 'call' | 'word'
  readonly value: string
  readonly end: number
}

function operandAt(tokens: readonly SqlToken[], from: number): Operand | undefined {
  let i = from
  while (
    tokens[i] !== undefined &&
    i < from + 12 &&
    (tokens[i]?.kind === '(' ||
      tokens[i]?.value === 'not' ||
      tokens[i]?.value === 'binary' ||
      (tokens[i]?.kind === 'operator' && '+-!~'.includes(tokens[i]?.value ?? 'x')))
  )
    i++
  const token = tokens[i]
  if (token === undefined) return undefined
  const { kind, value } = token
  let end = i + 1
  let found: Operand['kind']
  if (kind === 'number' || kind === 'string' || kind === 'open' || kind === 'variable') found = 'constant'
  else if (kind === 'word' || kind === 'call') {
    found =
      value === 'null' || value === 'true' || value === 'false'
        ? 'constant'
        : kind === 'call' || value === 'select' || NILADIC.has(value)
          ? 'call'
          : 'word'
    if (kind === 'call' || value === 'select') {
      end = closing(tokens, i + 1)
    }
  } else return undefined
  while (tokens[end]?.kind === ')') end++
  return { kind: found, value, end }
}

/** Behind the parenthesis that closes the one at `open`; looks a bounded way ahead, else at what follows directly. */
function closing(tokens: readonly SqlToken[], open: number): number {
  let depth = 0
  for (let i = open; i < open + 48 && tokens[i] !== undefined; i++) {
    const kind = tokens[i]?.kind
    if (kind === '(') depth++
    else if (kind === ')') {
      depth--
      if (depth <= 0) return i + 1
    }
  }
  return open
}

function hasComma(tokens: readonly SqlToken[], from: number): boolean {
  for (let i = from; i < from + 32 && tokens[i] !== undefined; i++) if (tokens[i]?.kind === ',') return true
  return false
}
