import { continues, findWithin, isSpace, isWord, skipSpace, wordEnd, words } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'

const COMPARISONS = words('equ neq lss leq gtr geq')
const MAX_LOOK = 160

/** `IF` and `FOR` of `cmd.exe`, at the beginning of a value or behind a separator. */
export function scanBatch(text: string, from: number, hit: Hit): void {
  const at = skipSpace(text, from)
  if (continues(text, at, 'if') && !isWord(text.charCodeAt(at + 2))) {
    if (isCondition(text, at + 2)) hit('shell.batch', at)
  } else if (continues(text, at, 'for') && isSpace(text.charCodeAt(at + 3))) {
    if (isLoop(text, at + 3)) hit('shell.batch', at)
  }
}

function isCondition(text: string, from: number): boolean {
  const end = Math.min(text.length, from + MAX_LOOK)
  let words = 0
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x3d && text.charCodeAt(i + 1) === 0x3d && text.charCodeAt(i + 2) !== 0x3d) return words <= 4
    if (code === 0x3b) return false
    if (!isWord(code) || isWord(text.charCodeAt(i - 1))) continue
    const stop = wordEnd(text, i)
    const word = text.slice(i, Math.min(stop, i + 12)).toLowerCase()
    if (COMPARISONS.has(word) && words > 0) return true
    if ((word === 'exist' || word === 'defined' || word === 'errorlevel') && words <= 2) {
      const next = text.charCodeAt(skipSpace(text, stop))
      if (isSpace(text.charCodeAt(stop)) && (isWord(next) || next === 0x22 || next === 0x25)) return true
    }
    words++
    i = stop - 1
  }
  return false
}

/** `for /f %x in (...) do`, `for x in a b; do` */
function isLoop(text: string, from: number): boolean {
  const end = Math.min(text.length, from + MAX_LOOK)
  let variable = text.charCodeAt(skipSpace(text, from)) === 0x2f
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x25) variable = true
    if (
      (code | 0x20) === 0x69 &&
      continues(text, i, 'in') &&
      isSpace(text.charCodeAt(i - 1)) &&
      (isSpace(text.charCodeAt(i + 2)) || text.charCodeAt(i + 2) === 0x28)
    ) {
      const next = text.charCodeAt(skipSpace(text, i + 2))
      if (next === 0x28) return variable
      const stop = findWithin(text, ';', i, MAX_LOOK)
      return (
        stop > 0 &&
        stop < end &&
        continues(text, skipSpace(text, stop + 1), 'do') &&
        isSpace(text.charCodeAt(skipSpace(text, stop + 1) + 2))
      )
    }
  }
  return false
}
