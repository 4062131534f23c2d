import {
  continues,
  findBackWithin,
  findWithin,
  isAlnum,
  isDigit,
  isLetter,
  isSpace,
  isWord,
  skipSpace,
  wordEnd,
  words,
} from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { scanBatch } from './batch.ts'
import { commandAt, isCommand } from './command.ts'
import { backtick, braces, dollar, functionBody } from './expansions.ts'
import { CMDLETS, COMMANDS, ORDINARY_COMMANDS } from './names.ts'
import { hasGlob } from './paths.ts'

/** Shell syntax with a command in it, of POSIX shells, `cmd.exe` and PowerShell. Every separator is looked at by itself with the command behind it. */
export function scanShell(text: string, hit: Hit): void {
  scanCommands(text, hit)
  // As in a query string that was decoded by half: `+|+dir c:`.
  if (text.includes(' ') && plusBesideSeparator(text)) scanCommands(text.replaceAll('+', ' '), hit)
}

function plusBesideSeparator(text: string): boolean {
  for (let i = text.indexOf('+'); i >= 0; i = text.indexOf('+', i + 1)) {
    const code = text.charCodeAt(i + 1)
    if (code === 0x7c || code === 0x3b || code === 0x26) return true
  }
  return false
}

function scanCommands(text: string, hit: Hit): void {
  first(text, hit)
  scanBatch(text, 0, hit)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const next = text.charCodeAt(i + 1)
    if (code === 0x3b || code === 0x7c || code === 0x26 || code === 0x0a || code === 0x0d) {
      separator(text, i, code, hit)
    } else if (code === 0x60) {
      backtick(text, i, hit)
    } else if (code === 0x24) {
      dollar(text, i, next, hit)
    } else if ((code === 0x3c || code === 0x3e) && next === 0x28) {
      if (isCommand(text, i + 2)) hit('shell.substitution', i)
    } else if (code === 0x3c && next === 0x3c && text.charCodeAt(i + 2) === 0x3c) {
      if (text.charCodeAt(i + 3) !== 0x3c && text.charCodeAt(i - 1) !== 0x3c && i > 0) hit('shell.substitution', i)
    } else if (code === 0x3c && i === 0 && isLetter(next) && text.charCodeAt(wordEnd(text, 1)) === 0x3b) {
      if (isCommand(text, 1)) hit('shell.command', i)
    } else if (code === 0x28 && next === 0x29) {
      functionBody(text, i, hit)
    } else if (code === 0x7b) {
      braces(text, i, hit)
    } else if (code === 0x2d && isLetter(text.charCodeAt(i - 1))) {
      dash(text, i, hit)
    } else if (code === 0x2f && !isWord(text.charCodeAt(i - 1))) {
      if (hasGlob(text, i)) hit('shell.glob', i)
    }
  }
}

/** What stands behind a separator. */
function separator(text: string, at: number, code: number, hit: Hit): void {
  let from = at + 1
  // `&&`, `||`, `;;`, and what opens a group.
  while (
    from < at + 12 &&
    (text.charCodeAt(from) === code ||
      isSpace(text.charCodeAt(from)) ||
      text.charCodeAt(from) === 0x28 ||
      text.charCodeAt(from) === 0x7b)
  )
    from++
  const doubled = text.charCodeAt(at + 1) === code && code !== 0x0a
  const command = commandAt(text, from)
  if (command === undefined) {
    trailing(text, at, hit)
    return
  }
  const { name, end, plain } = command
  if (name === 'for' || name === 'if') scanBatch(text, from, hit)
  const strong = COMMANDS.has(name) || command.program || (name === 'net' && isNetCommand(text, end))
  const after = text.charCodeAt(end)
  if (!plain && (strong || ORDINARY_COMMANDS.has(name)) && after !== 0x3d) return hit('shell.command', at)
  if (text.charCodeAt(from) === 0x24 && isWord(text.charCodeAt(from + 1)) && code === 0x3b && assigns(text, at, from))
    return hit('shell.command', at)
  if (after === 0x3d) {
    if (
      text.charCodeAt(end + 1) === 0x24 &&
      (text.charCodeAt(end + 2) === 0x27 ||
        text.charCodeAt(end + 2) === 0x22 ||
        text.charCodeAt(end + 2) === 0x28 ||
        text.charCodeAt(end + 2) === 0x5c)
    )
      hit('shell.command', at)
    trailing(text, at, hit)
    return
  }
  if (strong) {
    const prose =
      code === 0x26 &&
      !doubled &&
      isSpace(text.charCodeAt(at - 1)) &&
      isSpace(after) &&
      isLetter(text.charCodeAt(end + 1))
    const wordy =
      isSpace(after) &&
      isLetter(text.charCodeAt(skipSpace(text, end))) &&
      (code === 0x0a || code === 0x0d || code === 0x7c) &&
      name.length < 4 &&
      name !== 'net'
    if (!prose && !wordy && !(after === 0x3a && code === 0x0a)) return hit('shell.command', at)
  } else if (ORDINARY_COMMANDS.has(name)) {
    const argument = skipSpace(text, end)
    if (isArgument(text, argument, name)) return hit('shell.command', at)
    if (name === 'echo' && argument > end && !isSpace(text.charCodeAt(from - 1)) && isWord(text.charCodeAt(argument)))
      return hit('shell.command', at)
    const ends =
      Number.isNaN(text.charCodeAt(argument)) ||
      isSeparator(text.charCodeAt(argument)) ||
      ((text.charCodeAt(argument) === 0x27 ||
        text.charCodeAt(argument) === 0x22 ||
        text.charCodeAt(argument) === 0x29 ||
        text.charCodeAt(argument) === 0x60) &&
        argument >= text.length - 2)
    const spaced = isSpace(text.charCodeAt(at - 1)) && isSpace(text.charCodeAt(at + 1))
    if (ends && (doubled || !spaced) && code !== 0x0a && code !== 0x0d) return hit('shell.command', at)
    if (ends && (code === 0x0a || code === 0x0d) && at === 0) return hit('shell.command', at)
  } else if (CMDLETS.has(name)) {
    return hit('shell.command', at)
  }
  trailing(text, at, hit)
}

const isSeparator = (code: number): boolean => code === 0x3b || code === 0x7c || code === 0x26 || code === 0x60

const NET_COMMANDS = words(
  'user users localgroup group view use share start stop accounts session time config file computer',
)
const isNetCommand = (text: string, end: number): boolean => {
  const from = skipSpace(text, end)
  return from > end && NET_COMMANDS.has(text.slice(from, Math.min(wordEnd(text, from), from + 12)).toLowerCase())
}

/** `;CMD=...;$CMD` */
function assigns(text: string, at: number, from: number): boolean {
  const end = wordEnd(text, from + 1)
  const equals = findBackWithin(text, '=', at, 64)
  return (
    end < from + 40 &&
    equals > at - 64 &&
    equals >= 0 &&
    text.slice(Math.max(0, equals - (end - from - 1)), equals) === text.slice(from + 1, end)
  )
}

/** `id|` and `/usr/bin/id;` at the end of a value. */
function trailing(text: string, at: number, hit: Hit): void {
  const behind = text.charCodeAt(at + 1)
  if (
    at === 0 ||
    at < text.length - 2 ||
    (at === text.length - 2 && behind !== 0x27 && behind !== 0x22 && !isSpace(behind))
  )
    return
  let start = at
  while (
    start > 0 &&
    start > at - 32 &&
    (isWord(text.charCodeAt(start - 1)) || text.charCodeAt(start - 1) === 0x2f || text.charCodeAt(start - 1) === 0x2d)
  )
    start--
  const command = commandAt(text, start)
  if (command === undefined || command.end < at) return
  if (
    COMMANDS.has(command.name) ||
    (ORDINARY_COMMANDS.has(command.name) && (start === 0 || !isSpace(text.charCodeAt(start - 1))))
  )
    hit('shell.command', start)
}

/** An option, a path, a redirection, a variable or a drive: what follows a command and no word of prose. */
function isArgument(text: string, at: number, name: string): boolean {
  const code = text.charCodeAt(at)
  const next = text.charCodeAt(at + 1)
  if (code === 0x2d) return isAlnum(next) || next === 0x2d
  if (code === 0x2f) return isAlnum(next) || next === 0x3f || next === 0x2a || next === 0x5b || !(next > 0x20)
  if (code === 0x2e) return next === 0x2f || next === 0x2e
  if (code === 0x7e) return next === 0x2f
  if (code === 0x25) return isLetter(next)
  if (code === 0x24 || code === 0x3e || code === 0x3c || code === 0x60) return !isSpace(next) && !isDigit(next)
  if (isLetter(code) && next === 0x3a)
    return text.charCodeAt(at + 2) === 0x5c || text.charCodeAt(at + 2) === 0x2f || !(text.charCodeAt(at + 2) > 0x20)
  if (code === 0x27 || code === 0x22)
    return (
      name === 'echo' ||
      name === 'trap' ||
      name === 'eval' ||
      name === 'exec' ||
      name === 'alias' ||
      name === 'source' ||
      name === 'printf'
    )
  if (name === 'sleep' || name === 'kill' || name === 'timeout') return isDigit(code)
  if (
    name === 'echo' ||
    name === 'cd' ||
    name === 'set' ||
    name === 'env' ||
    name === 'exec' ||
    name === 'printf' ||
    name === 'cat'
  ) {
    // `cd etc;` and `set x=`: one word, then the end of the command.
    const end = pathEnd(text, at)
    const stop = text.charCodeAt(skipSpace(text, end))
    return (
      end > at && (isSeparator(stop) || (Number.isNaN(stop) && (name === 'cd' || text.slice(at, end).includes('.'))))
    )
  }
  return false
}

function pathEnd(text: string, from: number): number {
  let i = from
  while (
    i < from + 128 &&
    (isWord(text.charCodeAt(i)) ||
      text.charCodeAt(i) === 0x2f ||
      text.charCodeAt(i) === 0x2e ||
      text.charCodeAt(i) === 0x2d ||
      text.charCodeAt(i) === 0x5c)
  )
    i++
  return i
}

/** A value that begins as a command line does: a program with an option or a path behind it. */
function first(text: string, hit: Hit): void {
  let from = skipSpace(text, 0)
  while (
    from < 4 &&
    (text.charCodeAt(from) === 0x27 || text.charCodeAt(from) === 0x22 || text.charCodeAt(from) === 0x40)
  )
    from++
  const command = commandAt(text, skipSpace(text, from))
  if (command === undefined) return
  const { name, end, plain, path } = command
  const strong = COMMANDS.has(name)
  const argument = skipSpace(text, end)
  if (path && isSpace(text.charCodeAt(end)) && (strong || ORDINARY_COMMANDS.has(name)))
    return hit('shell.command', from)
  if (!strong && !ORDINARY_COMMANDS.has(name)) {
    if (CMDLETS.has(name)) hit('shell.command', from)
    return
  }
  if (!plain && (text.charCodeAt(from) === 0x5c || argument < text.length)) return hit('shell.command', from)
  if (argument === end) return
  if (name === 'alias' && findWithin(text, '=', argument, 24) > 0) return hit('shell.command', from)
  const code = text.charCodeAt(argument)
  if (
    strong &&
    (continues(text, argument, 'http://') ||
      continues(text, argument, 'https://') ||
      continues(text, argument, 'ftp://'))
  )
    return hit('shell.command', from)
  if (code === 0x2d && isSeparator(text.charCodeAt(text.length - 1))) return hit('shell.command', from)
  if (
    code === 0x2f ||
    (isLetter(code) && text.charCodeAt(argument + 1) === 0x3a && text.charCodeAt(argument + 2) !== 0x20)
  ) {
    if (isArgument(text, argument, name)) hit('shell.command', from)
  }
}

/** `sh -c`, `python3 -c`: an interpreter that is told what to run; cmdlets of PowerShell. */
function dash(text: string, at: number, hit: Hit): void {
  let start = at
  while (start > 0 && start > at - 16 && isLetter(text.charCodeAt(start - 1))) start--
  const end = wordEnd(text, at + 1)
  if (CMDLETS.has(text.slice(start, Math.min(end, at + 24)).toLowerCase())) hit('shell.command', start)
}
