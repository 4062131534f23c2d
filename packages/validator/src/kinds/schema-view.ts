import type { CompiledKind } from './compile.ts'
import { kindOfSchema, own } from './plan.ts'

/** What a JSON Schema says of a value and of what is in it: the first of its branches that says something is believed. */
export interface SchemaView {
  readonly kind: CompiledKind | undefined
  member(key: string): SchemaView | undefined
  element(index: number): SchemaView | undefined
}

/** Schemas come from servers: so many branches of one place are looked at. */
const MAX_BRANCHES = 16
const MAX_POINTER_STEPS = 32
const BRANCHES = ['allOf', 'anyOf', 'oneOf'] as const

/**
 * Looks into `$ref` (local pointers), `allOf`, `anyOf`, `oneOf`, `then`, `else`; for members into `properties`, and for those that are not there into every one of `patternProperties`
 * (a pattern of a schema is never run here) and `additionalProperties`; for elements into `prefixItems` (draft-07: a list in `items`), `items` and `additionalItems`.
 */
export function viewSchema(root: unknown): SchemaView | undefined {
  return typeof root === 'object' && root !== null ? makeView([root], root) : undefined
}

function makeView(given: readonly unknown[], root: object): SchemaView | undefined {
  const branches = expand(given, root)
  if (branches.length === 0) return undefined
  const known = new Map<string, SchemaView | undefined>()
  // One view for all places that the schema does not tell apart: what is kept is bounded by the schema, not by the value.
  const once = (name: string, schemas: () => readonly unknown[]): SchemaView | undefined => {
    if (!known.has(name)) known.set(name, makeView(schemas(), root))
    return known.get(name)
  }
  let kind: CompiledKind | undefined
  for (const branch of branches) kind ??= kindOfSchema(branch)
  const rest = (): unknown[] =>
    branches.flatMap((branch) => [...valuesOf(own(branch, 'patternProperties')), own(branch, 'additionalProperties')])
  const others = (): unknown[] =>
    branches.flatMap((branch) => {
      const items = own(branch, 'items')
      return [Array.isArray(items) ? undefined : items, own(branch, 'additionalItems')]
    })
  const at = (branch: object, index: number): unknown => {
    const items = own(branch, 'items')
    return own(own(branch, 'prefixItems') ?? (Array.isArray(items) ? items : undefined), String(index))
  }
  return {
    kind,
    member(key) {
      const named = branches.some((branch) => own(own(branch, 'properties'), key) !== undefined)
      if (!named) return once('', rest)
      return once(`.${key}`, () => branches.map((branch) => own(own(branch, 'properties'), key)))
    },
    element(index) {
      const named = branches.some((branch) => at(branch, index) !== undefined)
      if (!named) return once('[]', others)
      return once(`[${index}`, () => branches.map((branch) => at(branch, index)))
    },
  }
}

function expand(given: readonly unknown[], root: object): readonly Record<string, unknown>[] {
  const found = new Set<Record<string, unknown>>()
  const visit = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null || found.size >= MAX_BRANCHES) return
    const branch = schema as Record<string, unknown>
    if (found.has(branch)) return
    found.add(branch)
    visit(resolve(own(branch, '$ref'), root))
    for (const name of BRANCHES) {
      const list = own(branch, name)
      if (Array.isArray(list)) for (const one of list.slice(0, MAX_BRANCHES)) visit(one)
    }
    visit(own(branch, 'then'))
    visit(own(branch, 'else'))
  }
  for (const schema of given) visit(schema)
  return [...found]
}

/** What a local reference (`#`, `#/$defs/a`) leads to. */
function resolve(reference: unknown, root: object): unknown {
  if (typeof reference !== 'string' || !(reference === '#' || reference.startsWith('#/'))) return undefined
  let at: unknown = root
  for (const step of reference.split('/', MAX_POINTER_STEPS).slice(1)) {
    let name = step
    try {
      name = decodeURIComponent(step)
    } catch {
      // Taken as it is written.
    }
    at = own(at, name.replaceAll('~1', '/').replaceAll('~0', '~'))
  }
  return at
}

const valuesOf = (node: unknown): readonly unknown[] =>
  typeof node === 'object' && node !== null ? Object.values(node) : []
