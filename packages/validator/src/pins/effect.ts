import type { Effect } from './types.ts'

type Schema = Readonly<Record<string, unknown>>

/** What a change of one field does; judged only as harmless where that is certain. */
export function effectOf(field: string, before: string | undefined, after: string | undefined): Effect {
  const old: unknown = before === undefined ? undefined : JSON.parse(before)
  const now: unknown = after === undefined ? undefined : JSON.parse(after)
  if (field === 'inputSchema' && isObject(old) && isObject(now) && !addsWording(old, now))
    return isNarrower(old, now) ? 'narrower' : 'other'
  if (
    field === 'annotations' &&
    (old === undefined || isObject(old)) &&
    (now === undefined || isObject(now)) &&
    onlyWarns(old ?? {}, now ?? {})
  )
    return 'flags'
  return addsWording(old, now) ? 'wording' : 'other'
}

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Texts that are names of types and formats, not sentences. */
const VOCABULARY = new Set(['type', 'format', '$schema', '$ref'])

/** Whether the new value says something that the old one did not: any text, or any key, that was not in it. */
function addsWording(old: unknown, now: unknown): boolean {
  const known = textsOf(old)
  for (const text of textsOf(now)) if (!known.has(text)) return true
  return false
}

function textsOf(root: unknown): Set<string> {
  const found = new Set<string>()
  const open: [unknown, boolean][] = [[root, false]]
  while (open.length > 0) {
    const [node, plain] = open.pop() as [unknown, boolean]
    if (typeof node === 'string' && !(plain && node.length <= 60)) found.add(node)
    if (Array.isArray(node)) for (const item of node) open.push([item, plain])
    else if (isObject(node)) {
      for (const [key, value] of Object.entries(node)) {
        if (!KEYWORDS.has(key)) found.add(`key:${key}`)
        // What is required is named, not said.
        if (key === 'required' && Array.isArray(value)) {
          for (const name of value) found.add(`key:${String(name)}`)
          continue
        }
        open.push([value, VOCABULARY.has(key)])
      }
    }
  }
  return found
}

const KEYWORDS = new Set([
  'type',
  'format',
  'required',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'additionalProperties',
  'properties',
  'items',
  'enum',
  'const',
  'pattern',
  '$schema',
])

/** Bounds that may only move inwards. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']

/** Whether every value that fits the new schema fits the old one, as far as that is plain to see; a keyword that is not known here must not have changed. */
export function isNarrower(old: unknown, now: unknown): boolean {
  if (JSON.stringify(old) === JSON.stringify(now)) return true
  if (old === true || (isObject(old) && Object.keys(old).length === 0)) return true
  if (now === false) return true
  if (!isObject(old) || !isObject(now)) return false
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (JSON.stringify(old[key]) === JSON.stringify(now[key])) continue
    if (!narrowsKeyword(key, old[key], now[key], old, now)) return false
  }
  return true
}

function narrowsKeyword(key: string, old: unknown, now: unknown, oldSchema: Schema, nowSchema: Schema): boolean {
  if (LOWER.includes(key))
    return typeof now === 'number' && (old === undefined || (typeof old === 'number' && now >= old))
  if (UPPER.includes(key))
    return typeof now === 'number' && (old === undefined || (typeof old === 'number' && now <= old))
  switch (key) {
    case 'required':
      return (
        Array.isArray(now) && (old === undefined || (Array.isArray(old) && old.every((name) => now.includes(name))))
      )
    case 'enum':
      return (
        Array.isArray(now) &&
        (old === undefined ||
          (Array.isArray(old) &&
            now.every((value) => old.some((other) => JSON.stringify(other) === JSON.stringify(value)))))
      )
    case 'type': {
      const [before, after] = [listOf(old), listOf(now)]
      return (
        now !== undefined &&
        (old === undefined ||
          after.every((type) => before.includes(type) || (type === 'integer' && before.includes('number'))))
      )
    }
    case 'uniqueItems':
      return now === true
    case 'additionalProperties':
      return now === false || (now !== undefined && isNarrower(old ?? true, now))
    case 'properties':
      return narrowsProperties(isObject(old) ? old : {}, isObject(now) ? now : {}, oldSchema, nowSchema)
    case 'items':
      return isNarrower(old ?? true, now ?? true)
    case 'pattern':
    case 'const':
    case 'multipleOf':
      return old === undefined && now !== undefined
    default:
      return false
  }
}

/** A property may go only where no other property is taken; a new one must narrow what `additionalProperties` accepted before. */
function narrowsProperties(old: Schema, now: Schema, oldSchema: Schema, nowSchema: Schema): boolean {
  for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const before = Object.hasOwn(old, name) ? old[name] : (oldSchema['additionalProperties'] ?? true)
    const after = Object.hasOwn(now, name) ? now[name] : (nowSchema['additionalProperties'] ?? true)
    if (!isNarrower(before, after)) return false
  }
  return true
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])

/** Hints that may only change towards caution: a tool may begin to call itself destructive, and not cease to. */
function onlyWarns(old: Schema, now: Schema): boolean {
  const cautious: Readonly<Record<string, boolean>> = {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: false,
    openWorldHint: true,
  }
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (JSON.stringify(old[key]) === JSON.stringify(now[key])) continue
    if (!Object.hasOwn(cautious, key) || now[key] !== cautious[key]) return false
  }
  return true
}
