import { isComparison } from './comparison.ts'
import type { SqlToken } from './lexer.ts'
import { KNOWN_FUNCTIONS, PROBING_FUNCTIONS } from './words.ts'

/** A select list with something in it that no sentence has, or with a clause of a query behind it. */
export function isSelect(tokens: readonly SqlToken[], at: number): boolean {
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
export function endsClause(tokens: readonly SqlToken[], at: number): boolean {
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

export function isCase(tokens: readonly SqlToken[], at: number): boolean {
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
export function isStrongStatement(tokens: readonly SqlToken[], i: number): boolean {
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
