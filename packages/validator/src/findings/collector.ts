import type { Settings } from '../options.ts'
import type { Place } from '../policy/modes.ts'
import type { Finding } from '../types.ts'
import { excerptAt } from './excerpt.ts'
import type { RuleId } from './rules.ts'

const MAX_POINTER_CHARS = 1024

/** Where in a document a finding is; the pointer is written only when there is one. */
export type Path = readonly (string | number)[]

export interface Sighting {
  readonly ruleId: RuleId | (string & {})
  readonly kind: string
  readonly path?: Path
  /** The text to show from, and where in it. */
  readonly text?: string
  readonly at?: number
  readonly offset?: number
  readonly detail?: string
  readonly decodings?: readonly string[]
  /** At most this, whatever the mode of the rule says: `false` records. */
  readonly enforced?: boolean
  /** Default: a place of which nothing is known. */
  readonly place?: Place
}

/** Gathers up to `maxFindings` that are enforced and as many that are only recorded: what is recorded must never crowd out what is enforced. */
export interface Collector {
  add(sighting: Sighting): void
  /** No more enforced findings are taken: looking further is of no use. */
  readonly full: boolean
  /** No more recorded findings are taken. */
  readonly recordFull: boolean
  readonly findings: readonly Finding[]
}

const NOWHERE: Place = { declared: false }

export function createCollector(settings: Settings, tool?: string): Collector {
  const findings: Finding[] = []
  let enforcedCount = 0
  let recordedCount = 0
  return {
    add({ ruleId, kind, path = [], text = '', at = 0, offset, detail, decodings, enforced = true, place = NOWHERE }) {
      const mode = settings.modes.resolve(ruleId, place)
      if (mode === 'off') return
      let refuse = enforced && mode === 'enforce'
      let suppressed: string | undefined
      if (refuse) {
        if (enforcedCount >= settings.maxFindings) return
      } else if (recordedCount >= settings.maxFindings) return
      const pointer = toPointer(path)
      if (refuse) {
        suppressed = settings.suppress(ruleId, tool, pointer)
        if (suppressed !== undefined) {
          refuse = false
          if (recordedCount >= settings.maxFindings) return
        }
      }
      if (refuse) enforcedCount++
      else recordedCount++
      const { severity, confidence, message, owasp } = settings.modes.info(ruleId)
      findings.push({
        ruleId,
        severity,
        confidence,
        kind,
        pointer,
        excerpt: kind === 'secret' ? '' : excerptAt(text, at),
        message: detail === undefined ? message : `${message} (${detail})`,
        enforced: refuse,
        ...(offset === undefined ? {} : { offset }),
        ...(owasp === undefined ? {} : { owasp }),
        ...(decodings === undefined || decodings.length === 0 ? {} : { decodings }),
        ...(suppressed === undefined ? {} : { suppressed }),
      })
    },
    get full() {
      return enforcedCount >= settings.maxFindings
    },
    get recordFull() {
      return recordedCount >= settings.maxFindings
    },
    findings,
  }
}

/** RFC 6901. */
export function toPointer(path: Path): string {
  let pointer = ''
  for (const step of path) {
    const text = typeof step === 'number' ? String(step) : step.slice(0, MAX_POINTER_CHARS)
    pointer += `/${text.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (pointer.length > MAX_POINTER_CHARS) return pointer.slice(0, MAX_POINTER_CHARS)
  }
  return pointer
}

/** True if the text is longer than that in UTF-8; counts only where its length leaves a doubt. */
export function exceedsBytes(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes
}
