import { posix } from 'node:path'
import { entityDecode } from '../decode/entities.ts'
import { fold } from '../decode/fold.ts'
import { percentDecode } from '../decode/percent.ts'
import { escapeDecode } from '../decode/escapes.ts'
import type { RuleId } from '../findings/rules.ts'
import { hexDigit, isLetter, isWord } from '../text/chars.ts'
import { isSystemPath } from './sensitive.ts'

export interface PathProblem {
  readonly ruleId: RuleId
  readonly detail?: string
}

const MAX_PATH_CHARS = 4096
const MAX_ROUNDS = 5
const MAX_REPEAT = 64
const MAX_EMPTY_STEPS = 8

/**
 * What is wrong with a path, as it is written: whatever decoder, file system or old filter reads it, it must lead nowhere else. With a root it must stay below it;
 * without one it must not climb out of where it begins, nor name the files of a system. Links are the file system's: see `resolveInside`.
 */
export function checkPath(path: string, root: string | undefined): PathProblem | undefined {
  const problem = findProblem(path, root)
  if (problem === undefined || root === undefined) return problem
  // One rule for one promise, whichever trick would have broken it.
  return {
    ruleId: 'argument.outside_root',
    ...(problem.ruleId === 'argument.outside_root' ? {} : { detail: problem.detail ?? problem.ruleId }),
  }
}

function findProblem(path: string, root: string | undefined): PathProblem | undefined {
  if (path.length > MAX_PATH_CHARS) return { ruleId: 'value.too_long', detail: `limit ${MAX_PATH_CHARS}` }
  let form = path
  for (let round = 0; round <= MAX_ROUNDS; round++) {
    const problem = checkForm(form, root, round > 0)
    if (problem !== undefined) return problem
    const next = decodePath(form)
    if (next === undefined) return undefined
    form = next
  }
  return { ruleId: 'value.layers' }
}

function checkForm(path: string, root: string | undefined, decoded: boolean): PathProblem | undefined {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code < 0x20 || code === 0x7f)
      return { ruleId: code === 0 ? 'path.form' : 'value.control', detail: code === 0 ? 'NUL' : 'a control character' }
  }
  const scheme = schemeOf(path)
  if (scheme !== undefined && (root !== undefined || scheme.length > 1)) return { ruleId: 'path.scheme' }
  if (isShare(path)) return { ruleId: 'path.scheme', detail: 'a share' }
  const drive = scheme?.length === 1
  const slashed = (drive ? path.slice(2) : path).replaceAll('\\', '/')
  const climbs = checkSteps(slashed, decoded, drive || path.includes('\\'))
  if (climbs !== undefined) return climbs
  if (mixesSeparators(path)) return { ruleId: 'path.form', detail: '/ and \\ side by side' }
  if (root !== undefined) return staysBelow(root, path) ? undefined : { ruleId: 'argument.outside_root' }
  if (repeats(path)) return { ruleId: 'path.form', detail: 'padding' }
  if (isVariable(path)) return { ruleId: 'path.system', detail: 'a variable of the environment' }
  return isSystemPath(resolveLexically(slashed).toLowerCase()) ? { ruleId: 'path.system' } : undefined
}

/** Steps of dots: `..` below where the path begins, `..` that was encoded, `....` and `..;` that filters make `..` of. */
function checkSteps(path: string, decoded: boolean, windows: boolean): PathProblem | undefined {
  let depth = 0
  let idle = 0
  const steps = path.split('/')
  for (const [index, written] of steps.entries()) {
    // Quotes and spaces before dots are taken off by whoever hands a path on.
    const step = written.replace(/^[\s"'`]{1,8}(?=\.)/, '')
    if (step === '' || step === '.') {
      if (index < steps.length - 1 && ++idle > MAX_EMPTY_STEPS) return { ruleId: 'path.form', detail: 'empty steps' }
      continue
    }
    const dots = leadingDots(step)
    if (dots === step.length || (dots >= 2 && !isWord(step.charCodeAt(dots)) && restIsNoise(step, dots, decoded))) {
      if (step !== '..') {
        // `./...` is what some tools call "everything below".
        if (step === '...' && index === steps.length - 1 && index > 0) continue
        return { ruleId: 'path.traversal', detail: 'a step of dots' }
      }
      if (decoded) return { ruleId: 'path.encoded', detail: 'encoded dots' }
      if (--depth < 0) return { ruleId: 'path.traversal' }
      continue
    }
    if (dots > 3) return { ruleId: 'path.form', detail: 'padding' }
    if (windows && isWindowsTrick(step, index === 0))
      return { ruleId: 'path.form', detail: 'a name that Windows reads otherwise' }
    // `~/..` leaves the home that `~` stands for.
    if (index > 0 || step.charCodeAt(0) !== 0x7e) depth++
  }
  return undefined
}

function leadingDots(step: string): number {
  let dots = 0
  while (step.charCodeAt(dots) === 0x2e) dots++
  return dots
}

/** Behind the dots only spaces, dots, `;` with parameters, `*`, `?` or quotes. */
function restIsNoise(step: string, from: number, decoded: boolean): boolean {
  if (step.charCodeAt(from) === 0x3b) return true
  for (let i = from; i < step.length; i++) {
    // Bytes that are no UTF-8 are dropped by some decoders.
    if (!' .*?"\'+%|'.includes(step.charAt(i)) && !(decoded && step.charCodeAt(i) > 0x7f)) return false
  }
  return true
}

/** Streams (`a.txt::$DATA`), devices (`CON`, `LPT1`), names that end in a dot or a space. */
function isWindowsTrick(step: string, first: boolean): boolean {
  if (step.includes(':') && !first) return true
  const last = step.charCodeAt(step.length - 1)
  if (last === 0x2e || last === 0x20) return true
  return /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i.test(step.slice(0, 5))
}

function schemeOf(path: string): string | undefined {
  if (!isLetter(path.charCodeAt(0))) return undefined
  let i = 1
  while (
    i < 24 &&
    (isWord(path.charCodeAt(i)) ||
      path.charCodeAt(i) === 0x2b ||
      path.charCodeAt(i) === 0x2e ||
      path.charCodeAt(i) === 0x2d)
  )
    i++
  if (path.charCodeAt(i) !== 0x3a) return undefined
  const next = path.charCodeAt(i + 1)
  // `note: draft.txt` is a name; a scheme has a slash or a name right behind it.
  return i === 1 ||
    next === 0x2f ||
    next === 0x5c ||
    /^(file|data|php|jar|expect|phar|zip|glob|http|https|ftp|javascript|netdoc|url)$/i.test(path.slice(0, i))
    ? path.slice(0, i)
    : undefined
}

const isShare = (path: string): boolean =>
  path.startsWith('\\\\') &&
  path.charCodeAt(2) !== 0x5c &&
  (isWord(path.charCodeAt(2)) || path.charCodeAt(2) === 0x3f || path.charCodeAt(2) === 0x2e) &&
  !path.startsWith('\\\\..')

const mixesSeparators = (path: string): boolean => path.includes('\\/') || path.includes('/\\')

/** One character many times over: padding that pushes what follows out of a buffer. */
function repeats(path: string): boolean {
  let run = 1
  for (let i = 1; i < path.length; i++) {
    run = path.charCodeAt(i) === path.charCodeAt(i - 1) ? run + 1 : 1
    if (run >= MAX_REPEAT) return true
  }
  return false
}

const isVariable = (path: string): boolean =>
  /^(%[A-Za-z_]{3,32}%|\$\{?(HOME|PATH|PWD|USER|SHELL|ENV|TMP|TEMP|IFS)\b)/i.test(path.slice(0, 48))

function resolveLexically(slashed: string): string {
  const steps: string[] = []
  for (const step of slashed.split('/')) {
    if (step === '' || step === '.') continue
    if (step === '..') steps.pop()
    else steps.push(step)
  }
  const joined = steps.join('/')
  return slashed.startsWith('/') ? `/${joined}` : joined
}

/** One round of everything that paths are encoded with: percent, `%u`, escapes, character references, Unicode, and hexadecimal without a mark. */
function decodePath(path: string): string | undefined {
  let text = path
  text = percentDecode(text) ?? text
  // `C:\x0a` is a name: only escapes of dots and slashes are taken for escapes.
  if (/\\(x|u00)(2[56ef]|5c)/i.test(text)) text = escapeDecode(text, false) ?? text
  text = entityDecode(text) ?? text
  text = fold(text) ?? text
  // Only where nothing marked is left, or digits of an encoding would be taken for one.
  return text === path ? bareHex(text) : text
}

/** `0x2e`, and `2e`, `2f`, `5c` where only dots stand before them: `..2fetc2fpasswd`. */
function bareHex(path: string): string | undefined {
  let out = ''
  let from = 0
  let dotted = false
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    const prefixed = code === 0x30 && (path.charCodeAt(i + 1) | 0x20) === 0x78
    if (prefixed || (dotted && (code === 0x32 || code === 0x35))) {
      const start = prefixed ? i + 2 : i
      const byte = hexDigit(path.charCodeAt(start)) * 16 + hexDigit(path.charCodeAt(start + 1))
      if (byte === 0x2e || byte === 0x2f || byte === 0x5c) {
        out += path.slice(from, i) + String.fromCharCode(byte)
        from = start + 2
        i = from - 1
        dotted = true
        continue
      }
    }
    if (code === 0x2e && path.charCodeAt(i - 1) === 0x2e) dotted = true
    else if (code === 0x2f || code === 0x5c) dotted = false
  }
  return from === 0 ? undefined : out + path.slice(from)
}

/**
 * Whether a path stays below a directory, however it is written: what matters is where it leads when `/` and `\` part it. Links are the file system's: a server that
 * follows them leads elsewhere.
 */
export function staysBelow(root: string, path: string): boolean {
  if (path.includes('\0') || path.split(/[/\\]/).includes('..')) return false
  // `file:` and drive letters are other ways to begin anew.
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(path) || path.startsWith('~') || path.startsWith('\\')) return false
  const resolved = posix.resolve(root, path)
  return resolved === root || resolved.startsWith(root === '/' ? '/' : `${root}/`)
}
