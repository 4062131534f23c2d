import { continues, isAlnum, isSpace } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { commandAt } from './command.ts'
import { INTERPRETERS } from './names.ts'

/** Interpreters with `-c`, `-e`, `/c` anywhere in a text. */
export function scanInterpreters(text: string, hit: Hit): void {
  for (let i = text.indexOf(' '); i >= 0; i = text.indexOf(' ', i + 1)) {
    if (text.charCodeAt(i + 1) === 0x20) continue
    const option = i + 1
    const mark = text.charCodeAt(option)
    if (mark !== 0x2d && mark !== 0x2f) continue
    const letter = text.charCodeAt(option + 1) | 0x20
    if (letter !== 0x63 && letter !== 0x65 && letter !== 0x72 && letter !== 0x69) continue
    const after = text.charCodeAt(option + 2)
    const encoded = letter === 0x65 && continues(text, option + 1, 'enc')
    if (!encoded && !isSpace(after)) continue
    let start = i
    while (start > 0 && start > i - 8 && isSpace(text.charCodeAt(start - 1))) start--
    const wordAt = start
    while (
      start > 0 &&
      start > wordAt - 24 &&
      (isAlnum(text.charCodeAt(start - 1)) || '$@*\'"\\.'.includes(text.charAt(start - 1)))
    )
      start--
    const command = commandAt(text, start)
    let name = command?.name ?? ''
    if (name.endsWith('.exe')) name = name.slice(0, -4)
    if (INTERPRETERS.has(name) && letter !== 0x69) hit('shell.command', start)
    else if ((name === 'sh' || name === 'bash') && letter === 0x69) hit('shell.command', start)
  }
}
