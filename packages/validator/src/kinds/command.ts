import type { RuleId } from '../findings/rules.ts'
import { scanShell } from '../scan/shell/scan.ts'
import { continues, isLetter, skipSpace } from '../text/chars.ts'

export interface CommandProblem {
  readonly ruleId: RuleId
  readonly at: number
  readonly detail?: string
}

const META = ';|&$`<>(){}[]*?!~#\\\n\r"\''

/** A command line as it is: what no administration needs. */
export function checkCommandLine(text: string): CommandProblem | undefined {
  for (const shape of ['/dev/tcp/', '/dev/udp/']) {
    const at = text.indexOf(shape)
    if (at >= 0) return { ruleId: 'shell.destructive', at, detail: 'a connection of the shell' }
  }
  let bomb = -1
  scanShell(text, (ruleId, at) => {
    if (ruleId === 'shell.function') bomb = at
  })
  if (bomb >= 0) return { ruleId: 'shell.destructive', at: bomb }
  for (let i = text.indexOf('rm'); i >= 0; i = text.indexOf('rm', i + 1)) {
    if (!isLetter(text.charCodeAt(i - 1)) && deletesAll(text, i + 2))
      return { ruleId: 'shell.destructive', at: i, detail: 'it deletes everything' }
  }
  for (const name of ['nc', 'ncat', 'netcat']) {
    for (let i = text.indexOf(name); i >= 0; i = text.indexOf(name, i + 1)) {
      if (
        !isLetter(text.charCodeAt(i - 1)) &&
        /^(nc|ncat|netcat)(\s+\S+){0,6}?\s+(-[a-z]*[ec]|--exec|--sh-exec)\s+\S*sh\b/.test(text.slice(i, i + 160))
      )
        return { ruleId: 'shell.destructive', at: i, detail: 'a shell for another machine' }
    }
  }
  return undefined
}

/** `rm -rf /`, `rm -r --no-preserve-root /*`, `rm -fr ~` */
function deletesAll(text: string, from: number): boolean {
  let i = skipSpace(text, from)
  if (i === from) return false
  let recursive = false
  while (text.charCodeAt(i) === 0x2d && i < from + 64) {
    const end = endOfWord(text, i)
    const option = text.slice(i, end)
    recursive ||= option === '--recursive' || (!option.startsWith('--') && /r/i.test(option))
    i = skipSpace(text, end)
  }
  const target = text.slice(i, endOfWord(text, i))
  return (
    recursive &&
    (target === '/' ||
      target === '/*' ||
      target === '~' ||
      target === '~/' ||
      target === '~/*' ||
      target === '$HOME' ||
      target === '*')
  )
}

function endOfWord(text: string, from: number): number {
  let i = from
  while (
    i < text.length &&
    i < from + 64 &&
    !continues(text, i, ' ') &&
    text.charCodeAt(i) !== 0x0a &&
    text.charCodeAt(i) !== 0x3b
  )
    i++
  return i
}

/** One argument of a list that no shell reads. An argument that looks like an option is the program's to judge. */
export function checkArgument(text: string): CommandProblem | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (META.includes(text.charAt(i)) || code < 0x20) return { ruleId: 'shell.metacharacter', at: i }
  }
  return undefined
}

/** The program of a command line, or of a list, must be one of those; what follows it must not begin another. */
export function checkProgram(text: string, programs: readonly string[]): CommandProblem | undefined {
  const from = skipSpace(text, 0)
  const program = text.slice(from, endOfWord(text, from))
  if (!programs.includes(program)) return { ruleId: 'shell.program', at: from }
  for (let i = from; i < text.length; i++) {
    if (
      ';|&`\n\r'.includes(text.charAt(i)) ||
      (text.charCodeAt(i) === 0x24 && text.charCodeAt(i + 1) === 0x28) ||
      ((text.charAt(i) === '<' || text.charAt(i) === '>') && text.charAt(i + 1) === '(')
    )
      return { ruleId: 'shell.metacharacter', at: i }
  }
  return undefined
}
