/** Where a token ends; a negative end is minus the offset of what is wrong (never 0: a token has a first character). */
export interface StringToken {
  end: number
  escaped: boolean
  /** Offset of the first half of a surrogate pair that stands alone, or -1. */
  loneAt: number
}

/** `raw[start]` is the opening quote. RFC 8259 section 7. The answer is written into `token`: there are as many of them as strings. */
export function scanString(raw: string, start: number, token: StringToken): void {
  token.escaped = false
  token.loneAt = -1
  let loneAt = -1
  // Offset of a high half that waits for its low half.
  let highAt = -1
  let i = start + 1
  for (;;) {
    let code = raw.charCodeAt(i)
    // What most strings are made of; a half of a surrogate pair that waits has been waiting in vain.
    if (code >= 0x20 && code < 0xd800 && code !== 0x22 && code !== 0x5c) {
      if (highAt >= 0) {
        if (loneAt < 0) loneAt = highAt
        highAt = -1
      }
      do code = raw.charCodeAt(++i)
      while (code >= 0x20 && code < 0xd800 && code !== 0x22 && code !== 0x5c)
    }
    const at = i
    // Also false for NaN, the end of the text.
    if (!(code >= 0x20)) return void (token.end = -i)
    i++
    if (code === 0x22) break
    if (code === 0x5c) {
      token.escaped = true
      const escape = raw.charCodeAt(i)
      if (escape === 0x75) {
        code = hex4(raw, i + 1)
        if (code < 0) return void (token.end = -i)
        i += 5
      } else if (isEscape(escape)) {
        code = 0x20
        i++
      } else {
        return void (token.end = -i)
      }
    }
    if (code >= 0xdc00 && code <= 0xdfff && highAt >= 0) {
      highAt = -1
      continue
    }
    if (highAt >= 0 && loneAt < 0) loneAt = highAt
    highAt = -1
    if (code >= 0xd800 && code <= 0xdbff) highAt = at
    else if (code >= 0xdc00 && code <= 0xdfff && loneAt < 0) loneAt = at
  }
  token.end = i
  token.loneAt = loneAt < 0 ? highAt : loneAt
}

/** `"`, `\`, `/`, b, f, n, r, t. */
function isEscape(code: number): boolean {
  return (
    code === 0x22 ||
    code === 0x5c ||
    code === 0x2f ||
    code === 0x62 ||
    code === 0x66 ||
    code === 0x6e ||
    code === 0x72 ||
    code === 0x74
  )
}

function hex4(raw: string, start: number): number {
  let value = 0
  for (let i = start; i < start + 4; i++) {
    const code = raw.charCodeAt(i)
    const digit = isDigit(code)
      ? code - 0x30
      : code >= 0x41 && code <= 0x46
        ? code - 0x37
        : code >= 0x61 && code <= 0x66
          ? code - 0x57
          : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

/** RFC 8259 section 6. Reports integers beyond 2^53 - 1 and numbers that become infinite or zero. */
export function scanNumber(raw: string, start: number, report: (at: number, detail: string) => void): number {
  let i = raw.charCodeAt(start) === 0x2d ? start + 1 : start
  const first = i
  if (raw.charCodeAt(i) === 0x30) i++
  else i = digits(raw, i)
  if (i === first) return -i
  let isInteger = true
  if (raw.charCodeAt(i) === 0x2e) {
    const fraction = i + 1
    i = digits(raw, fraction)
    if (i === fraction) return -i
    isInteger = false
  }
  if ((raw.charCodeAt(i) | 0x20) === 0x65) {
    i++
    if (raw.charCodeAt(i) === 0x2b || raw.charCodeAt(i) === 0x2d) i++
    const exponent = i
    i = digits(raw, exponent)
    if (i === exponent) return -i
    isInteger = false
  }
  if (isInteger) {
    if (i - first > 16 || (i - first === 16 && !Number.isSafeInteger(Number(raw.slice(first, i))))) {
      report(start, 'an integer beyond 2^53 - 1')
    }
    return i
  }
  const value = Number(raw.slice(start, i))
  if (!Number.isFinite(value)) report(start, 'it becomes infinite')
  else if (value === 0 && hasNonZeroDigit(raw, first, i)) report(start, 'it becomes zero')
  return i
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

function digits(raw: string, start: number): number {
  let i = start
  while (isDigit(raw.charCodeAt(i))) i++
  return i
}

/** Looks at the digits before an exponent. */
function hasNonZeroDigit(raw: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = raw.charCodeAt(i)
    if ((code | 0x20) === 0x65) return false
    if (code >= 0x31 && code <= 0x39) return true
  }
  return false
}

const WORDS = ['true', 'false', 'null']

/** `true`, `false` and `null`; -1 for anything else. */
export function scanWord(raw: string, start: number): number {
  for (const word of WORDS) if (raw.startsWith(word, start)) return start + word.length
  return -1
}
