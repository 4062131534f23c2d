import { formsOf } from '../decode/forms.ts'
import type { RuleId } from '../findings/rules.ts'
import { scanDescription } from '../scan/description.ts'
import { scanHeuristics } from '../scan/heuristics.ts'
import { scanHtml } from '../scan/html/scan.ts'
import { scanPrompt } from '../scan/prompt.ts'
import { scanTripwire } from '../scan/tripwire.ts'
import { scanUnicode } from '../scan/unicode.ts'
import { checkArgument, checkCommandLine, checkProgram } from './command.ts'
import type { CompiledKind } from './compile.ts'
import { checkPath } from './path.ts'
import { checkEmail, checkHost, checkIdentifier, checkRegex, type Problem } from './simple.ts'
import { checkSql } from './sql.ts'
import { checkUrl } from './url.ts'

/** What one rule saw in one value. */
export interface Seen {
  readonly ruleId: RuleId
  /** The form that matched, and where in it. */
  readonly text: string
  readonly at: number
  readonly decodings: readonly string[]
  readonly detail?: string
}

const MAX_SHORT_CHARS = 65_536
/** Texts whose kind nobody declared are looked through for judgements up to this length: beyond it they are documents. */
const MAX_UNDECLARED_CHARS = 2048
const NONE: readonly string[] = []

/** Looks at one string by its kind. Each rule is reported once, in the first form that shows it. */
export function inspect(text: string, kind: CompiledKind, declared: boolean, judge: boolean): readonly Seen[] {
  const seen: Seen[] = []
  const add = (ruleId: RuleId, form: string, at: number, decodings: readonly string[], detail?: string): void => {
    if (seen.some((other) => other.ruleId === ruleId)) return
    seen.push({ ruleId, text: form, at, decodings, ...(detail === undefined ? {} : { detail }) })
  }
  const plain = (ruleId: RuleId, at: number): void => add(ruleId, text, at, NONE)
  const problem = (found: Problem | undefined): void => {
    if (found !== undefined) add(found.ruleId, text, found.at ?? 0, NONE, found.detail)
  }
  if (kind.kind === 'opaque' || kind.kind === 'secret') return seen
  if (!isAscii(text)) scanUnicode(text, plain)
  switch (kind.kind) {
    case 'text':
      if (!judge) return seen
      if (!declared && text.length <= MAX_UNDECLARED_CHARS)
        judgeForms(text, (ruleId, ...rest) => ruleId !== 'value.layers' && add(ruleId, ...rest))
      else tripwireForms(text, add)
      scanPrompt(text, plain)
      return seen
    case 'string':
      if (text.length > MAX_SHORT_CHARS) add('value.too_long', text, 0, NONE, `limit ${MAX_SHORT_CHARS}`)
      problem(controlIn(text))
      if (judge) judgeForms(text.slice(0, MAX_SHORT_CHARS), add)
      return seen
    case 'description':
      scanDescription(text, plain)
      return seen
    case 'path':
      problem(checkPath(text, kind.root))
      return seen
    case 'url':
      problem(checkUrl(text, kind))
      return seen
    case 'host':
      problem(checkHost(text, kind.hosts, kind.denyPrivate ?? true))
      return seen
    case 'sql':
      problem(nulIn(text))
      problem(checkSql(text, kind.readOnly ?? false))
      return seen
    case 'command':
      problem(nulIn(text))
      if (kind.argv === true) problem(checkArgument(text))
      else {
        problem(checkCommandLine(text))
        if (kind.programs !== undefined) problem(checkProgram(text, kind.programs))
      }
      return seen
    case 'html':
      if (kind.scripts === false) {
        scanHtml(text, (ruleId, at) => {
          if (ruleId !== 'html.tag') add('html.active', text, at, NONE)
        })
      }
      return seen
    case 'identifier':
      problem(checkIdentifier(text))
      return seen
    case 'email':
      problem(checkEmail(text))
      return seen
    case 'regex':
      problem(checkRegex(text))
      return seen
  }
}

type Add = (ruleId: RuleId, form: string, at: number, decodings: readonly string[], detail?: string) => void

function judgeForms(text: string, add: Add): void {
  const { forms, unfinished } = formsOf(text)
  for (const { text: form, decodings } of forms) {
    scanHeuristics(form, decodings.length > 0, (ruleId, at) => add(ruleId, form, at, decodings))
  }
  if (unfinished) add('value.layers', text, 0, NONE)
}

function tripwireForms(text: string, add: Add): void {
  for (const { text: form, decodings } of formsOf(text).forms) {
    scanTripwire(form, (ruleId, at) => add(ruleId, form, at, decodings))
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/** NUL, escape, backspace and the like; tabs and line ends are no control characters here. */
function controlIn(text: string): Problem | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d && code !== 0x0b && code !== 0x0c)
      return { ruleId: 'value.control', at: i }
  }
  return undefined
}

function nulIn(text: string): Problem | undefined {
  const at = text.indexOf('\0')
  return at < 0 ? undefined : { ruleId: 'value.control', at }
}
