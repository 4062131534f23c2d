import { findWithin, isLetter, isSpace, isWord } from '../../text/chars.ts'

/** A path with a glob inside its names: `/etc/[p]asswd`, `/???/c?t`. A query or a list index is none. */
export function hasGlob(text: string, at: number): boolean {
  let marks = 0
  let brackets = 0
  let letters = 0
  for (let i = at + 1; i < at + 96 && i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isSpace(code) || code === 0x3b || code === 0x7c) break
    if (code === 0x3d || code === 0x26 || code === 0x28 || code === 0x3c) return false
    if (code === 0x3f || code === 0x2a) {
      const next = text.charCodeAt(i + 1)
      const before = text.charCodeAt(i - 1)
      if (
        (before === 0x2f || before === 0x3f || isWord(before)) &&
        (isWord(next) || next === 0x3f || next === 0x2f || next === 0x2a)
      )
        marks++
    } else if (code === 0x5b) {
      const close = findWithin(text, ']', i, 24)
      if (
        close > i + 1 &&
        close < i + 24 &&
        (isLetter(text.charCodeAt(close + 1)) || text.charCodeAt(close + 1) === 0x2f) &&
        (isLetter(text.charCodeAt(i - 1)) || text.charCodeAt(i - 1) === 0x2f)
      ) {
        brackets++
        i = close
      }
    } else if (isLetter(code)) letters++
  }
  return brackets > 0 || (marks >= 2 && letters < 24)
}
