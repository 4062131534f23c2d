import { ValidatorError } from '../errors.ts'
import type { SchemaOptions } from './types.ts'

type Bounds = Required<SchemaOptions>
type Node = Readonly<Record<string, unknown>>

export const refuse = (problem: string, cause?: unknown): never => {
  throw new ValidatorError(
    'ERR_VALIDATOR_SCHEMA',
    `the schema is refused: ${problem}`,
    cause === undefined ? undefined : { cause },
  )
}

/** Keywords whose subschemas look at the same value. */
const IN_PLACE = [
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  'dependencies',
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
]
/** Keywords whose values are data, not schemas. */
const DATA = new Set(['const', 'enum', 'default', 'examples', 'required', 'type', 'dependentRequired'])
const shown = (text: string): string => JSON.stringify(text.slice(0, 100))

/**
 * Refuses, before anything is compiled: schemas that are too large, too deep or too many; references that leave the document; patterns that are too long; and references
 * that come back to themselves without having gone into the value (`{"$ref": "#"}`), which never end.
 * Iterative, so that depth is a refusal and no overflow.
 */
export function checkBounds(schema: unknown, bounds: Bounds): void {
  const open: { node: unknown; depth: number; data: boolean; names: boolean }[] = [
    { node: schema, depth: 1, data: false, names: false },
  ]
  let chars = 0
  let objects = 0
  while (open.length > 0) {
    const { node, depth, data, names } = open.pop() as (typeof open)[number]
    if (typeof node === 'string') chars += node.length + 2
    else chars += 4
    if (chars > bounds.maxSchemaChars) refuse(`it has more than ${bounds.maxSchemaChars} characters`)
    if (typeof node !== 'object' || node === null) continue
    if (depth > bounds.maxSchemaDepth) refuse(`it is nested deeper than ${bounds.maxSchemaDepth}`)
    if (++objects > bounds.maxSubschemas) refuse(`it has more than ${bounds.maxSubschemas} parts`)
    for (const key of Object.keys(node)) {
      const child = (node as Node)[key]
      chars += key.length + 4
      if (!data && !names && !Array.isArray(node)) checkKeyword(key, child, depth, bounds)
      if (!data && key === 'patternProperties' && typeof child === 'object' && child !== null) {
        for (const pattern of Object.keys(child)) checkPattern(pattern, bounds)
      }
      open.push({
        node: child,
        depth: depth + 1,
        data: data || (!names && DATA.has(key)),
        names:
          !data &&
          !names &&
          (key === 'properties' ||
            key === 'patternProperties' ||
            key === '$defs' ||
            key === 'definitions' ||
            key === 'dependentSchemas'),
      })
    }
  }
  checkProgress(schema)
}

function checkKeyword(key: string, value: unknown, depth: number, bounds: Bounds): void {
  if (key === 'pattern') {
    if (typeof value !== 'string') refuse('a pattern is no text')
    checkPattern(value as string, bounds)
  } else if (key === '$ref' || key === '$dynamicRef' || key === '$recursiveRef') {
    if (typeof value !== 'string' || !value.startsWith('#'))
      refuse(`${key} leads out of the document: ${shown(String(value))}`)
  } else if (key === '$id' && depth > 1) {
    refuse('a part of it has an $id of its own, which changes what references mean')
  }
}

function checkPattern(pattern: string, bounds: Bounds): void {
  if (pattern.length > bounds.maxPatternChars) refuse(`a pattern is longer than ${bounds.maxPatternChars}`)
}

/** Follows what looks at the same value from every object; to come back to where one is means never to end. */
function checkProgress(schema: unknown): void {
  const done = new Set<unknown>()
  const under = new Set<unknown>()
  // An explicit stack: [node, whether its parts are done].
  const stack: [unknown, boolean][] = []
  for (const start of refTargets(schema)) stack.push([start, false])
  stack.push([schema, false])
  while (stack.length > 0) {
    const [node, finished] = stack.pop() as [unknown, boolean]
    if (finished) {
      under.delete(node)
      done.add(node)
      continue
    }
    if (done.has(node)) continue
    if (under.has(node)) refuse('a reference comes back to itself without going into the value')
    under.add(node)
    stack.push([node, true])
    for (const next of inPlace(node, schema)) {
      if (under.has(next)) refuse('a reference comes back to itself without going into the value')
      if (!done.has(next)) stack.push([next, false])
    }
  }
}

function inPlace(node: unknown, root: unknown): unknown[] {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return []
  const found: unknown[] = []
  for (const keyword of IN_PLACE) {
    if (!Object.hasOwn(node, keyword)) continue
    const value = (node as Node)[keyword]
    if (keyword.startsWith('$')) {
      const target = resolve(root, value as string)
      if (target !== undefined) found.push(target)
    } else if (Array.isArray(value)) found.push(...value.filter(isObject))
    else if (keyword === 'dependentSchemas' || keyword === 'dependencies')
      found.push(...Object.values(isObject(value) ? value : {}).filter(isObject))
    else if (isObject(value)) found.push(value)
  }
  return found
}

const isObject = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a reference inside the document means: `#`, a JSON pointer, or an anchor. */
export function resolve(root: unknown, reference: string): unknown {
  if (reference === '#' || reference === '#/') return root
  if (!reference.startsWith('#/')) return anchors(root).get(reference.slice(1))
  let node: unknown = root
  for (const raw of reference.slice(2).split('/')) {
    let step = raw
    try {
      step = decodeURIComponent(raw)
    } catch {
      return undefined
    }
    step = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined
    node = (node as Node)[step]
  }
  return node
}

const known = new WeakMap<object, Map<string, unknown>>()

function anchors(root: unknown): Map<string, unknown> {
  if (typeof root !== 'object' || root === null) return new Map()
  const cached = known.get(root)
  if (cached !== undefined) return cached
  const found = new Map<string, unknown>()
  for (const node of objectsOf(root)) {
    for (const key of ['$anchor', '$dynamicAnchor']) {
      const name = Object.hasOwn(node, key) ? node[key] : undefined
      if (typeof name === 'string') found.set(name, node)
    }
  }
  known.set(root, found)
  return found
}

/** Every object of a schema that was found to be within bounds. */
export function objectsOf(root: unknown): Node[] {
  const found: Node[] = []
  const open: unknown[] = [root]
  while (open.length > 0) {
    const node = open.pop()
    if (typeof node !== 'object' || node === null) continue
    if (!Array.isArray(node)) found.push(node as Node)
    open.push(...Object.values(node))
  }
  return found
}

/** What the references of a schema lead to. */
export function refTargets(root: unknown): Set<unknown> {
  const targets = new Set<unknown>()
  for (const node of objectsOf(root)) {
    for (const key of ['$ref', '$dynamicRef', '$recursiveRef']) {
      const reference = Object.hasOwn(node, key) ? node[key] : undefined
      if (typeof reference === 'string' && reference.startsWith('#')) {
        const target = resolve(root, reference)
        if (target !== undefined) targets.add(target)
      }
    }
  }
  return targets
}
