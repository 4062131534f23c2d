import { NILADIC } from './breakout.ts'
import type { SqlToken } from './lexer.ts'
import { BINARY_WORDS } from './words.ts'

/** Whether a comparison of two operands begins here of which one is a constant, a call or a variable, or both are the same word. */
export function isComparison(tokens: readonly SqlToken[], from: number, terms = 8): boolean {
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
