import { continues, findWithin, hexDigit, isDigit, isLetter, isSpace, isWord } from '../text/chars.ts'

/** What one look at a text tells: whether more looks are worth their time. */
export const GATE = { nonAscii: 1, suspicious: 2, control: 4 } as const

/** For each ASCII code: 0 is never of interest, 1 may be with what is beside it, 2 is a control character. */
const CLASS = new Uint8Array(128)
for (const char of '<`$|\\;\'"=%&(/-{.@*:+') CLASS[char.charCodeAt(0)] = 1
// The rarest letters of `union` and `select`.
for (const char of 'cCuU') CLASS[char.charCodeAt(0)] = 1
for (let code = 0; code < 0x20; code++) if (code !== 0x09 && (code < 0x0a || code > 0x0d)) CLASS[code] = 2

/** A text with so many marks is looked through whatever they are. */
const MAX_LOOKS = 2048

/**
 * One pass that looks for what almost every payload has and almost no sentence: a tag, a quote with an operator behind it, a call, a substitution, an encoding, a step up. It
 * decides only whether texts whose kind nobody declared are looked through for the record.
 */
export function gate(text: string): number {
  let flags = 0
  let looks = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) {
      flags |= GATE.nonAscii
      continue
    }
    const kind = CLASS[code] as number
    if (kind === 0) continue
    if (kind === 2) flags |= GATE.control
    else if ((flags & GATE.suspicious) === 0 && (++looks > MAX_LOOKS || isSuspicious(text, i, code)))
      flags |= GATE.suspicious
  }
  return flags
}

function isSuspicious(text: string, i: number, code: number): boolean {
  const next = text.charCodeAt(i + 1)
  switch (code) {
    case 0x3c:
      return isLetter(next) || next === 0x2f || next === 0x21 || next === 0x3f || next === 0x25 || next === 0x23
    case 0x60:
    case 0x7c:
    case 0x5c:
      return true
    case 0x24:
      return next === 0x28 || next === 0x7b || next === 0x5b || next === 0x5f || isLetter(next)
    case 0x3b:
      return !isSpace(next) && !Number.isNaN(next)
    case 0x27:
    case 0x22:
      return goesOn(text, i + 1)
    case 0x3d:
      return (
        goesBefore(text.charCodeAt(i - 1)) || (isSpace(text.charCodeAt(i - 1)) && goesBefore(text.charCodeAt(i - 2)))
      )
    case 0x25:
      return (hexDigit(next) >= 0 && hexDigit(text.charCodeAt(i + 2)) >= 0) || next === 0x75
    case 0x26:
      return next === 0x23 || next === 0x26 || (isLetter(next) && findWithin(text, ';', i, 12) > 0)
    case 0x28:
      return isWord(text.charCodeAt(i - 1)) || next === 0x29
    case 0x2f:
      return (
        next === 0x2a ||
        continues(text, i + 1, 'etc/') ||
        continues(text, i + 1, 'proc/') ||
        continues(text, i + 1, 'bin/')
      )
    case 0x2d:
      return next === 0x2d
    case 0x7b:
      return next === 0x7b || next === 0x25 || next === 0x2c
    case 0x2e:
      return next === 0x2e && (text.charCodeAt(i + 2) === 0x2f || text.charCodeAt(i + 2) === 0x5c)
    case 0x40:
      return next === 0x40 || next === 0x28 || next === 0x7b
    case 0x2a:
      return next === 0x29
    case 0x3a:
      return next === 0x2f || text.charCodeAt(i - 1) === 0x74
    case 0x2b:
      return next === 0x41
    default:
      return (code | 0x20) === 0x63
        ? (next | 0x20) === 0x74 && continues(text, i - 4, 'sele')
        : (next | 0x20) === 0x6e && continues(text, i + 1, 'nion')
  }
}

/** Behind a quote: an operator, a parenthesis, a comment, `or`, `and`, `union`. */
function goesOn(text: string, from: number): boolean {
  let i = from
  while (isSpace(text.charCodeAt(i)) && i < from + 8) i++
  const code = text.charCodeAt(i)
  if (
    code === 0x29 ||
    code === 0x3b ||
    code === 0x23 ||
    code === 0x7c ||
    code === 0x3d ||
    code === 0x2b ||
    code === 0x26 ||
    code === 0x2a
  )
    return true
  return (
    continues(text, i, 'or') ||
    continues(text, i, 'and') ||
    continues(text, i, 'union') ||
    continues(text, i, '--') ||
    continues(text, i, 'on')
  )
}

const goesBefore = (code: number): boolean =>
  isDigit(code) || code === 0x27 || code === 0x22 || code === 0x29 || code === 0x3d
