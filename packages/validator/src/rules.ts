import type { Confidence, Severity } from './types.ts'

export interface RuleInfo {
  readonly severity: Severity
  readonly confidence: Confidence
  readonly message: string
}

/** Every rule by its stable id. */
export const RULES = {
  'json.size': { severity: 'high', confidence: 'high', message: 'the text is larger than is accepted' },
  'json.syntax': { severity: 'medium', confidence: 'high', message: 'the text is not JSON' },
  'json.depth': {
    severity: 'high',
    confidence: 'high',
    message: 'arrays and objects are nested deeper than is accepted',
  },
  'json.keys': { severity: 'medium', confidence: 'high', message: 'there are more keys than are accepted' },
  'json.nodes': { severity: 'high', confidence: 'high', message: 'there are more values and keys than are accepted' },
  'json.string_size': { severity: 'medium', confidence: 'high', message: 'a string is longer than is accepted' },
  'json.duplicate_key': {
    severity: 'high',
    confidence: 'high',
    message: 'a key stands twice in one object; parsers differ in which one they keep',
  },
  'json.prototype_key': { severity: 'high', confidence: 'high', message: 'a key reaches for an object prototype' },
  'json.lone_surrogate': {
    severity: 'medium',
    confidence: 'high',
    message: 'a string holds half of a surrogate pair, which UTF-8 cannot carry',
  },
  'json.number': { severity: 'low', confidence: 'high', message: 'a number would be changed by parsing it' },
  'pattern.path_traversal': { severity: 'high', confidence: 'medium', message: 'the value climbs out of a directory' },
  'pattern.script_tag': { severity: 'high', confidence: 'medium', message: 'the value opens a script element' },
  'pattern.union_select': {
    severity: 'high',
    confidence: 'low',
    message: 'the value looks like SQL that appends a query',
  },
  'pattern.eval_call': { severity: 'high', confidence: 'medium', message: 'the value calls eval' },
  'argument.outside_root': {
    severity: 'high',
    confidence: 'high',
    message: 'a path leads out of the directory that it must stay in',
  },
  'result.size': { severity: 'high', confidence: 'high', message: 'the result is larger than is accepted' },
  'result.depth': {
    severity: 'medium',
    confidence: 'high',
    message: 'the result is nested deeper than requests may be',
  },
} as const satisfies Record<string, RuleInfo>

export type RuleId = keyof typeof RULES

/** What stays enforced whatever the preset. */
export const ALWAYS: readonly RuleId[] = [
  'json.size',
  'json.syntax',
  'json.depth',
  'json.nodes',
  'argument.outside_root',
  'result.size',
]
