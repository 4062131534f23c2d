import { findWithin, isAlnum, isLetter } from '../../text/chars.ts'
import { CMDLETS, COMMANDS, ORDINARY_COMMANDS } from './names.ts'

export interface CommandWord {
  /** In lower case, without its directory, quotes, backslashes, carets and empty expansions. */
  readonly name: string
  readonly end: number
  /** Nothing had to be taken out. */
  readonly plain: boolean
  /** It ends in `.exe`. */
  readonly program: boolean
  /** It was written with its directory. */
  readonly path: boolean
}

const LONGEST = 96

/** The word in the place of a command, as a shell would read it; undefined where none stands. */
export function commandAt(text: string, from: number): CommandWord | undefined {
  let name = ''
  let plain = true
  let path = false
  let i = from
  const limit = Math.min(text.length, from + LONGEST)
  while (i < limit) {
    const code = text.charCodeAt(i)
    if (isAlnum(code) || code === 0x2d || code === 0x5f || code === 0x2e || (code === 0x2b && name.length > 0)) {
      name += text.charAt(i)
      i++
    } else if (code === 0x2f) {
      // A name with a directory before it.
      if (name !== '' && !isDirectory(name) && !path) break
      path = true
      name = ''
      i++
    } else if (code === 0x27 || code === 0x22 || code === 0x5c || code === 0x5e) {
      plain = false
      i++
    } else if (code === 0x24) {
      const end = emptyExpansion(text, i)
      if (end < 0) break
      plain = false
      i = end
    } else if ((code === 0x5b || code === 0x5d) && path) {
      plain = false
      i++
    } else break
  }
  if (name === '' || (!isLetter(name.charCodeAt(0)) && name !== '7z')) return undefined
  // A quote at the very end belongs to what is around the value.
  if (!plain && !name.includes("'") && isPlainBut(text, from, i)) plain = true
  const lower = name.toLowerCase()
  const program = lower.endsWith('.exe')
  return { name: program ? lower.slice(0, -4) : lower, end: i, plain, path, program }
}

const isDirectory = (name: string): boolean =>
  name === 'usr' ||
  name === 'bin' ||
  name === 'sbin' ||
  name === 'local' ||
  name === 'etc' ||
  name === 'opt' ||
  name === 'system32' ||
  name === 'windows' ||
  name === '.' ||
  name === '..'

/** `$@`, `$*`, `$1`, `$IFS`-like names in upper case, `${x}`: nothing, for whoever reads the command. */
function emptyExpansion(text: string, at: number): number {
  const next = text.charCodeAt(at + 1)
  if (next === 0x40 || next === 0x2a || next === 0x21 || (next >= 0x30 && next <= 0x39)) return at + 2
  if (next === 0x7b) {
    const close = findWithin(text, '}', at, 24)
    return close > 0 && close < at + 24 ? close + 1 : -1
  }
  return -1
}

/** Quotes only around the word, or behind it: `"rmt" --version` is as plain as `rmt`, `c'a't` is not. */
function isPlainBut(text: string, from: number, end: number): boolean {
  let inside = false
  let seen = false
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i)
    const mark = code === 0x27 || code === 0x22
    if (!mark && !isAlnum(code) && code !== 0x2d && code !== 0x2f && code !== 0x5f && code !== 0x2e) return false
    if (mark && seen && !inside) inside = true
    else if (inside && !mark) return false
    else seen ||= !mark
  }
  return true
}

/** Whether a command begins here, with whatever arguments. */
export function isCommand(text: string, from: number): boolean {
  const command = commandAt(text, from)
  return (
    command !== undefined &&
    (COMMANDS.has(command.name) || ORDINARY_COMMANDS.has(command.name) || CMDLETS.has(command.name))
  )
}
