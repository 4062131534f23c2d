import { formsOf } from '../decode/forms.ts'
import type { RuleId } from '../findings/rules.ts'
import { scanDescription } from '../scan/description.ts'
import { GATE, gate } from '../scan/gate.ts'
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

const MAX_SHORT_CHARS = 16_384
/** Texts whose kind nobody declared are looked through for judgements up to this length: beyond it they are documents. */
const MAX_UNDECLARED_CHARS = 512
/** Of a long text only the beginning is looked through for the record. */
const MAX_MONITORED_CHARS = 16_384
const MIN_PROMPT_CHARS = 24
const NONE: readonly string[] = []

/** Judgements about free text: none, some for the record, or the four patterns wherever they are as well. Those about other kinds are all or none. */
export type Judge = 'no' | 'record' | 'all'

const NOTHING: readonly Seen[] = []

/**
 * Looks at one string by its kind. Each rule is reported once, in the first form that shows it.
 */
export function inspect(text: string, kind: CompiledKind, judge: Judge): readonly Seen[] {
  if (kind.kind === 'opaque' || kind.kind === 'secret') return NOTHING
  const flags = gate(text)
  // What most texts are: nothing hidden, nothing that anybody would look at twice.
  if (kind.kind === 'text' && flags === 0 && text.length < MIN_PROMPT_CHARS) return NOTHING
  const seen: Seen[] = []
  const add = (ruleId: RuleId, form: string, at: number, decodings: readonly string[], detail?: string): void => {
    for (const other of seen) if (other.ruleId === ruleId) return
    seen.push({ ruleId, text: form, at, decodings, ...(detail === undefined ? {} : { detail }) })
  }
  const plain = (ruleId: RuleId, at: number): void => add(ruleId, text, at, NONE)
  const problem = (found: Problem | undefined): void => {
    if (found !== undefined) add(found.ruleId, text, found.at ?? 0, NONE, found.detail)
  }
  if ((flags & GATE.nonAscii) !== 0) scanUnicode(text, plain)
  switch (kind.kind) {
    case 'text':
      if (judge === 'all' && flags !== 0) tripwireForms(text, add)
      if (judge !== 'no') monitor(text, flags, add)
      return seen
    case 'string':
      if (text.length > MAX_SHORT_CHARS) add('value.too_long', text, 0, NONE, `limit ${MAX_SHORT_CHARS}`)
      if ((flags & GATE.control) !== 0) problem(controlIn(text))
      if (judge !== 'no') judgeForms(text.slice(0, MAX_SHORT_CHARS), add)
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

/** Texts of which nobody said what they mean, for the record: short ones for everything, the beginning of long ones for the four patterns and for wording. */
function monitor(text: string, flags: number, add: Add): void {
  const start = text.length > MAX_MONITORED_CHARS ? text.slice(0, MAX_MONITORED_CHARS) : text
  if (flags !== 0) {
    if (text.length > MAX_UNDECLARED_CHARS) tripwireForms(start, add)
    else
      judgeForms(text, (ruleId, form, at, decodings) => {
        if (ruleId !== 'value.layers') add(ruleId, form, at, decodings)
      })
  }
  if (text.length >= MIN_PROMPT_CHARS) scanPrompt(start, (ruleId, at) => add(ruleId, text, at, NONE))
}

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
