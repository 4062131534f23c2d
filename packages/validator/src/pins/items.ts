import { createHash } from 'node:crypto'
import { canonicalJson } from '../text/canonical.ts'
import type { Listing, PinnedItem } from './types.ts'

export interface Item {
  readonly key: string
  readonly list: keyof Listing
  readonly value: unknown
  readonly pinned: PinnedItem
}

/** An item that cannot be pinned: without a name, with a name that stands twice, too large or too deep. It is never served. */
export interface Unusable {
  readonly key: string
  readonly list: keyof Listing
  readonly value: unknown
}

const MAX_ITEMS = 10_000
const MAX_NODES = 20_000
const MAX_CHARS = 1_048_576
const MAX_DEPTH = 64

const LISTS: readonly (readonly [
  list: 'tools' | 'prompts' | 'resources' | 'resourceTemplates',
  prefix: string,
  name: string,
])[] = [
  ['tools', 'tool', 'name'],
  ['prompts', 'prompt', 'name'],
  ['resources', 'resource', 'uri'],
  ['resourceTemplates', 'template', 'uriTemplate'],
]

/** Every item of a listing with a hash for each of its fields. All fields count, those of later revisions too; `_meta` is the transport's. */
export function itemsOf(listing: Listing): { readonly items: readonly Item[]; readonly unusable: readonly Unusable[] } {
  const items = new Map<string, Item>()
  const unusable: Unusable[] = []
  for (const list of ['instructions', 'serverInfo'] as const) {
    const value = listing[list]
    if (value === undefined) continue
    if (isBounded(value))
      items.set(`server:${list}`, { key: `server:${list}`, list, value, pinned: { fields: { value: pin(value) } } })
    else unusable.push({ key: `server:${list}`, list, value })
  }
  for (const [list, prefix, nameField] of LISTS) {
    const values = listing[list]
    if (!Array.isArray(values)) continue
    for (const [index, value] of (values as unknown[]).entries()) {
      const name =
        typeof value === 'object' && value !== null && Object.hasOwn(value, nameField)
          ? (value as Record<string, unknown>)[nameField]
          : undefined
      const key = `${prefix}:${typeof name === 'string' ? name : `#${index}`}`
      if (typeof name !== 'string' || index >= MAX_ITEMS || !isBounded(value)) {
        unusable.push({ key, list, value })
        continue
      }
      const twin = items.get(key)
      if (twin !== undefined) {
        // Which of the two a client takes is not ours to guess.
        unusable.push({ key, list, value })
        if (twin.value !== value) unusable.push({ key, list, value: twin.value })
        items.delete(key)
        continue
      }
      if (unusable.some((other) => other.key === key)) {
        unusable.push({ key, list, value })
        continue
      }
      items.set(key, { key, list, value, pinned: pinItem(value as Record<string, unknown>) })
    }
  }
  return { items: [...items.values()], unusable }
}

function pinItem(value: Record<string, unknown>): PinnedItem {
  const fields: Record<string, { hash: string; json: string }> = Object.create(null) as Record<
    string,
    { hash: string; json: string }
  >
  for (const field of Object.keys(value).sort()) {
    if (field !== '_meta' && value[field] !== undefined) fields[field] = pin(value[field])
  }
  return { fields: { ...fields } }
}

function pin(value: unknown): { hash: string; json: string } {
  const json = canonicalJson(value)
  return { hash: hashOf(json), json }
}

export const hashOf = (json: string): string => `sha256-${createHash('sha256').update(json).digest('base64')}`

/** Within bounds of size and depth, so that it can be written and walked. */
function isBounded(root: unknown): boolean {
  const open: [unknown, number][] = [[root, 1]]
  let nodes = 0
  let chars = 0
  while (open.length > 0) {
    const [node, depth] = open.pop() as [unknown, number]
    if (++nodes > MAX_NODES || depth > MAX_DEPTH) return false
    if (typeof node === 'string') chars += node.length
    if (chars > MAX_CHARS) return false
    if (typeof node !== 'object' || node === null) continue
    for (const key of Object.keys(node)) {
      chars += key.length
      open.push([(node as Record<string, unknown>)[key], depth + 1])
    }
  }
  return true
}
