import { hexDigit } from '../text/chars.ts'
import { hex4 } from './percent.ts'

/** Written out, these are white space to whoever reads the escape. */
const SHORT: Readonly<Record<number, string>> = { 0x6e: '\n', 0x72: '\r', 0x74: '\t', 0x30: '\0' }

/**
 * One round of decoding the escapes of JavaScript, JSON and C: `\uXXXX`, `\u{X}`, `\xXX`, `\NNN`, and, if asked for, `\n`, `\r`, `\t`, `\0`;
 * undefined where there is nothing to decode.
 */
export function escapeDecode(text: string, short: boolean): string | undefined {
  let out = ''
  let from = 0
  for (let i = text.indexOf('\\'); i >= 0; i = text.indexOf('\\', i + 1)) {
    const letter = text.charCodeAt(i + 1)
    let char: string | undefined
    let end = i + 2
    if (letter === 0x75 || letter === 0x55) {
      ;[char, end] = unicodeEscape(text, i + 2)
    } else if (letter === 0x78 || letter === 0x58) {
      const high = hexDigit(text.charCodeAt(i + 2))
      const low = hexDigit(text.charCodeAt(i + 3))
      if (high >= 0 && low >= 0) char = String.fromCharCode(high * 16 + low)
      end = i + 4
    } else if (letter === 0x30 && text.charCodeAt(i + 2) === 0x30 && cssEscape(text, i + 1) > 0) {
      // `\0075` of style sheets.
      char = String.fromCharCode(cssEscape(text, i + 1))
      end = i + 5
    } else if (letter >= 0x30 && letter <= 0x37) {
      const octal = octalEscape(text, i + 1)
      if (octal >= 0x20) char = String.fromCharCode(octal)
      end = i + 4
    }
    if (char === undefined && short && letter in SHORT) {
      char = SHORT[letter]
      end = i + 2
    }
    if (char === undefined) {
      // A backslash that is escaped escapes nothing itself.
      if (letter === 0x5c) i++
      continue
    }
    out += text.slice(from, i) + char
    from = end
    i = end - 1
  }
  return from === 0 ? undefined : out + text.slice(from)
}

function unicodeEscape(text: string, start: number): [string | undefined, number] {
  if (text.charCodeAt(start) !== 0x7b) {
    const code = hex4(text, start)
    return [code < 0 ? undefined : String.fromCharCode(code), start + 4]
  }
  let code = 0
  let i = start + 1
  for (; i < start + 9; i++) {
    const digit = hexDigit(text.charCodeAt(i))
    if (digit < 0) break
    code = Math.min(code * 16 + digit, 0x110000)
  }
  const closed = text.charCodeAt(i) === 0x7d && i > start + 1 && code <= 0x10ffff
  return [closed ? String.fromCodePoint(code) : undefined, i + 1]
}

/** Four hexadecimal digits of printable ASCII, or -1. */
function cssEscape(text: string, start: number): number {
  const code = hex4(text, start)
  return code >= 0x20 && code < 0x7f ? code : -1
}

/** Three octal digits below 0o200, or -1. */
function octalEscape(text: string, start: number): number {
  let code = 0
  for (let i = start; i < start + 3; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (!(digit >= 0 && digit <= 7)) return -1
    code = code * 8 + digit
  }
  return code < 0x80 ? code : -1
}
