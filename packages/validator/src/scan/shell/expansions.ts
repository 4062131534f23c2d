import { continues, findWithin, isDigit, isLetter, isSpace, isWord, skipSpace, wordEnd } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { commandAt, isCommand } from './command.ts'
import { COMMANDS, ORDINARY_COMMANDS } from './names.ts'

/** `` `id` `` */
export function backtick(text: string, at: number, hit: Hit): void {
  const from = skipSpace(text, at + 1)
  const close = findWithin(text, '`', from, 512)
  if (close < 0 || close > at + 512) {
    if (at > 0 && isSpace(text.charCodeAt(at - 1))) return
    const command = commandAt(text, from)
    if (command !== undefined && COMMANDS.has(command.name)) hit('shell.substitution', at)
    return
  }
  // `type` in a sentence is how people write about code.
  const inline = at > 1 && isSpace(text.charCodeAt(at - 1)) && isLetter(text.charCodeAt(at - 2))
  const command = commandAt(text, from)
  if (inline && command !== undefined && command.end === close && !COMMANDS.has(command.name)) return
  if (isCommand(text, from) || text.slice(from, close).includes('<<<')) hit('shell.substitution', at)
}

/** `$(id)`, `$((1+1))`, `$[1+1]`, `$IFS`, `${IFS}`, `${x#y}`, `=$'id'` */
export function dollar(text: string, at: number, next: number, hit: Hit): void {
  if (next === 0x28) {
    const from = skipSpace(text, at + 2)
    const code = text.charCodeAt(from)
    if (
      code === 0x28 ||
      code === 0x24 ||
      code === 0x60 ||
      isCommand(text, from) ||
      (code === 0x3c && text.charCodeAt(from + 1) !== 0x3c)
    )
      hit('shell.substitution', at)
  } else if (next === 0x5b) {
    const inside = text.charCodeAt(skipSpace(text, at + 2))
    if (inside === 0x5d || inside === 0x24 || (isDigit(inside) && findWithin(text, ']', at, 64) > 0))
      hit('shell.substitution', at)
  } else if (next === 0x7b) {
    const end = wordEnd(text, at + 2)
    const operator = text.charCodeAt(end)
    if (continues(text, at + 2, 'ifs')) hit('shell.substitution', at)
    else if (
      end > at + 2 &&
      (operator === 0x23 ||
        operator === 0x5e ||
        (operator === 0x3a &&
          (text.charCodeAt(end + 1) === 0x2d ||
            isDigit(text.charCodeAt(end + 1)) ||
            text.charCodeAt(end + 1) === 0x2b)) ||
        (operator === 0x2f && text.charCodeAt(end + 1) === 0x2f))
    )
      hit('shell.substitution', at)
  } else if (continues(text, at + 1, 'ifs') && !isLetter(text.charCodeAt(at + 4))) {
    hit('shell.substitution', at)
  } else if ((next === 0x27 || next === 0x22) && text.charCodeAt(at - 1) === 0x3d) {
    hit('shell.substitution', at)
  }
}

/** `() { :; }; ...`, the mark of Shellshock, and fork bombs. */
export function functionBody(text: string, at: number, hit: Hit): void {
  const brace = skipSpace(text, at + 2)
  if (text.charCodeAt(brace) !== 0x7b) return
  const from = skipSpace(text, brace + 1)
  const code = text.charCodeAt(from)
  if ((code === 0x3a && (text.charCodeAt(from + 1) === 0x3b || text.charCodeAt(from + 1) === 0x7c)) || code === 0x5f)
    hit('shell.function', at)
}

/** `{cat,/etc/passwd}`, `c{a,oun}t`: brace expansion that makes a command. */
export function braces(text: string, at: number, hit: Hit): void {
  let commas = 0
  let telling = text.charCodeAt(at + 1) === 0x2c || isWord(text.charCodeAt(at - 1))
  let i = at + 1
  for (; i < at + 128; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x7d) break
    if (code === 0x2c) commas++
    else if (code === 0x2f || code === 0x2d || code === 0x24) telling = true
    else if (!isWord(code) && code !== 0x2e && code !== 0x27 && code !== 0x22 && code !== 0x5c) return
    else if ((code === 0x22 || code === 0x27) && !telling) return
  }
  if (text.charCodeAt(i) !== 0x7d || commas === 0 || isDigit(text.charCodeAt(at + 1))) return
  const end = wordEnd(text, at + 1)
  const name = text.slice(at + 1, end).toLowerCase()
  if (
    telling ||
    COMMANDS.has(name) ||
    (ORDINARY_COMMANDS.has(name) && commas === 1) ||
    isLetter(text.charCodeAt(i + 1))
  )
    hit('shell.braces', at)
}
