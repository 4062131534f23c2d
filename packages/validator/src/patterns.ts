import { entityDecode, percentDecode } from './decode.ts'
import type { RuleId } from './rules.ts'

export interface PatternMatch {
  readonly ruleId: RuleId
  /** The form that matched, and where in it. */
  readonly text: string
  readonly at: number
  /** How the form was made; absent for the value as it is. */
  readonly decoded?: string
}

/**
 * Looks for the four suspicious patterns in one string as it is, after percent-decoding, after HTML decoding, and after both; each is reported once.
 * Linear in the length of the string: at most four forms, each read once.
 */
export function findPatterns(value: string): readonly PatternMatch[] {
  const found = scan(value)
  const percent = percentDecode(value)
  if (percent !== undefined) merge(found, scan(percent), 'percent-decoding')
  const entity = entityDecode(value)
  if (entity !== undefined) merge(found, scan(entity), 'HTML decoding')
  const both = percent === undefined ? undefined : entityDecode(percent)
  if (both !== undefined) merge(found, scan(both), 'percent-decoding and HTML decoding')
  return found
}

function merge(into: PatternMatch[], more: readonly PatternMatch[], decoded: string): void {
  for (const match of more) {
    if (!into.some(({ ruleId }) => ruleId === match.ruleId)) into.push({ ...match, decoded })
  }
}

/** The rarest character of each pattern; all others cost one look into this table. `select` matters only behind `union`. */
const TRIGGERS = new Uint8Array(128)
for (const char of '/\\<(uU') TRIGGERS[char.charCodeAt(0)] = 1

function scan(text: string): PatternMatch[] {
  let traversal = -1
  let script = -1
  let union = -1
  let evaluation = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || TRIGGERS[code] === 0) continue
    if (code === 0x2f || code === 0x5c) {
      if (traversal < 0 && text.charCodeAt(i - 1) === 0x2e && text.charCodeAt(i - 2) === 0x2e) traversal = i - 2
    } else if (code === 0x3c) {
      if (script < 0 && continues(text, i + 1, 'script')) script = i
    } else if (code === 0x28) {
      if (evaluation < 0 && i >= 4 && continues(text, i - 4, 'eval')) evaluation = i - 4
    } else if (union < 0 && continues(text, i + 1, 'nion')) {
      union = i
    }
  }
  const found: PatternMatch[] = []
  if (traversal >= 0) found.push({ ruleId: 'pattern.path_traversal', text, at: traversal })
  if (script >= 0) found.push({ ruleId: 'pattern.script_tag', text, at: script })
  if (union >= 0 && holdsSelect(text, union + 5)) found.push({ ruleId: 'pattern.union_select', text, at: union })
  if (evaluation >= 0) found.push({ ruleId: 'pattern.eval_call', text, at: evaluation })
  return found
}

function holdsSelect(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    if ((text.charCodeAt(i) | 0x20) === 0x73 && continues(text, i + 1, 'elect')) return true
  }
  return false
}

/** Compares with a word in lower case; a letter counts in either case. */
function continues(text: string, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = text.charCodeAt(at + i)
    const wanted = word.charCodeAt(i)
    if (code !== wanted && !(wanted >= 0x61 && code === wanted - 0x20)) return false
  }
  return true
}
