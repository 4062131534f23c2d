import { optionsError } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { SealedLeaf, type Tree } from './leaf.ts'
import { childPointer, type Path } from './pointer.ts'

type Members = { readonly [member: string]: Tree }

const isMembers = (node: Tree | undefined): node is Members =>
  typeof node === 'object' && node !== null && !Array.isArray(node) && !(node instanceof SealedLeaf)

export const childrenOf = (node: Tree): readonly (readonly [string, Tree])[] => {
  if (Array.isArray(node)) return node.map((item: Tree, index) => [String(index), item] as const)
  return isMembers(node) ? Object.entries(node) : []
}

export const isIndex = (segment: string): boolean => /^(?:0|[1-9][0-9]*)$/.test(segment)

const childOf = (node: Tree, segment: string): Tree | undefined => {
  if (Array.isArray(node)) return isIndex(segment) ? (node[Number(segment)] as Tree | undefined) : undefined
  return isMembers(node) && Object.hasOwn(node, segment) ? node[segment] : undefined
}

/** What stands at the path. A sealed value has nothing below it before it is opened. */
export const nodeAt = (root: Tree, path: Path): Tree | undefined => {
  let node: Tree | undefined = root
  for (const segment of path) {
    node = node === undefined ? undefined : childOf(node, segment)
  }
  return node
}

/**
 * The tree with `value` at the path; members on the way are made. `-` stands for the item behind the last one.
 * @throws ConfigError `ERR_CONFIG_OPTIONS` where nothing can be put
 */
export const withNode = (node: Tree | undefined, path: Path, value: Tree): Tree => {
  const [segment, ...rest] = path
  if (segment === undefined) return value
  if (node === undefined) return { [segment]: withNode(undefined, rest, value) }
  if (node instanceof SealedLeaf) throw optionsError('it stands inside of a sealed value: set that one as a whole')
  if (Array.isArray(node)) {
    const items = node as readonly Tree[]
    const index = segment === '-' ? items.length : isIndex(segment) ? Number(segment) : Number.NaN
    if (!(index <= items.length)) throw optionsError('the list has no such item, nor is it the next one')
    return [...items.slice(0, index), withNode(items[index], rest, value), ...items.slice(index + 1)]
  }
  if (!isMembers(node)) throw optionsError('it stands inside of a value that is no object and no list')
  return { ...node, [segment]: withNode(childOf(node, segment), rest, value) }
}

/** The tree without what stands at the path; `undefined` when nothing does. */
export const withoutNode = (node: Tree, path: Path): Tree | undefined => {
  const [segment = '', ...rest] = path
  const child = childOf(node, segment)
  if (child === undefined) return undefined
  const left = rest.length > 0 ? withoutNode(child, rest) : child
  if (left === undefined) return undefined
  const gone = rest.length === 0
  if (Array.isArray(node)) return (node as readonly Tree[]).toSpliced(Number(segment), 1, ...(gone ? [] : [left]))
  const { [segment]: _, ...others } = node as Members
  return gone ? others : { ...others, [segment]: left }
}

/** The tree with every leaf exchanged for what `map` says, which is told where it stands now. */
export const mapLeaves = <T>(
  node: Tree,
  pointer: string,
  map: (leaf: SealedLeaf, pointer: string) => T,
): MappedTree<T> => {
  if (node instanceof SealedLeaf) return map(node, pointer)
  if (Array.isArray(node)) return node.map((item: Tree, index) => mapLeaves(item, childPointer(pointer, index), map))
  if (!isMembers(node)) return node as null | boolean | number | string
  const members: Record<string, MappedTree<T>> = {}
  for (const name of Object.keys(node)) {
    members[name] = mapLeaves(node[name] as Tree, childPointer(pointer, name), map)
  }
  return members
}

export type MappedTree<T> =
  | null
  | boolean
  | number
  | string
  | T
  | readonly MappedTree<T>[]
  | { readonly [member: string]: MappedTree<T> }

/** As it stands in the file. */
export const storedTree = (root: Tree): JsonValue => mapLeaves<string>(root, '', (leaf) => leaf.text)

/** All of it decrypted. A copy: changing it changes nothing. */
export const revealTree = (root: Tree): JsonValue =>
  mapLeaves<JsonValue>(root, '', (leaf) => leaf.reveal()) as JsonValue

export const hasLeaf = (node: Tree): boolean =>
  node instanceof SealedLeaf || childrenOf(node).some(([, child]) => hasLeaf(child))

/** Every value that is no list and no object, and every empty one of those, with its pointer. */
export function* leavesOf(node: Tree, pointer = ''): Generator<{ readonly pointer: string; readonly node: Tree }> {
  const children = childrenOf(node)
  if (children.length === 0 && pointer !== '') yield { pointer, node }
  for (const [name, child] of children) yield* leavesOf(child, childPointer(pointer, name))
}
