import { excerptAt } from './excerpt.ts'
import type { Settings } from './options.ts'
import { ALWAYS, RULES, type RuleId } from './rules.ts'
import type { Finding } from './types.ts'

const MAX_POINTER_CHARS = 1024

/** Where in a document a finding is; the pointer is written only when there is one. */
export type Path = readonly (string | number)[]

export interface Sighting {
  readonly ruleId: RuleId
  readonly kind: string
  readonly path?: Path
  /** The text to show from, and where in it. */
  readonly text?: string
  readonly at?: number
  readonly offset?: number
  readonly detail?: string
  /** Default: by the preset. */
  readonly enforced?: boolean
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

export function createCollector(settings: Settings): Collector {
  const findings: Finding[] = []
  let enforcedCount = 0
  let recordedCount = 0
  return {
    add({ ruleId, kind, path = [], text = '', at = 0, offset, detail, enforced = true }) {
      if (settings.preset === 'off' && !ALWAYS.includes(ruleId)) return
      if ((enforced ? enforcedCount++ : recordedCount++) >= settings.maxFindings) return
      const { severity, confidence, message } = RULES[ruleId]
      findings.push({
        ruleId,
        severity,
        confidence,
        kind,
        pointer: toPointer(path),
        excerpt: excerptAt(text, at),
        message: detail === undefined ? message : `${message} (${detail})`,
        enforced,
        ...(offset === undefined ? {} : { offset }),
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
function toPointer(path: Path): string {
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
