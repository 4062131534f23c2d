import { encodeCanonical } from '../format/canonical.ts'
import { SealedLeaf, type Tree } from '../format/leaf.ts'
import { childPointer } from '../format/pointer.ts'
import type { JsonValue } from '../types.ts'

type Members = { readonly [member: string]: Tree }

/** `undefined` is a value that is not there. */
type Node = Tree | undefined

/** The tree of two descendants of one, and where both changed the same value in two ways. */
export interface MergedTree {
  readonly root: Tree
  /** JSON Pointers; there the tree has what `ours` has. */
  readonly conflicts: readonly string[]
}

const isMembers = (node: Node): node is Members =>
  typeof node === 'object' && node !== null && !Array.isArray(node) && !(node instanceof SealedLeaf)

/** A plain value and a sealed one are never the same; two sealed ones are when they say the same, however they were sealed. */
const isSame = (a: Node, b: Node): boolean => {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  if (a instanceof SealedLeaf && b instanceof SealedLeaf) {
    if (a.opener === b.opener && a.text === b.text && a.pointer === b.pointer) return true
    return encodeCanonical(a.reveal()) === encodeCanonical(b.reveal())
  }
  if (a instanceof SealedLeaf || b instanceof SealedLeaf) return false
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item: Tree, index) => isSame(item, b[index] as Tree))
  }
  if (isMembers(a) && isMembers(b)) {
    const names = Object.keys(a)
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
    )
  }
  return encodeCanonical(a as JsonValue) === encodeCanonical(b as JsonValue)
}

const merge = (base: Node, ours: Node, theirs: Node, pointer: string, conflicts: string[]): Node => {
  if (isSame(ours, theirs) || isSame(base, theirs)) return ours
  if (isSame(base, ours)) return theirs
  if (isMembers(ours) && isMembers(theirs))
    return mergeMembers(isMembers(base) ? base : {}, ours, theirs, pointer, conflicts)
  if (Array.isArray(base) && Array.isArray(ours) && Array.isArray(theirs)) {
    // Lists that became longer or shorter are taken as a whole: which item became which is a guess.
    if (base.length === ours.length && base.length === theirs.length) {
      return ours.map(
        (item: Tree, at) => merge(base[at], item, theirs[at], childPointer(pointer, at), conflicts) as Tree,
      )
    }
  }
  conflicts.push(pointer)
  return ours
}

const mergeMembers = (base: Members, ours: Members, theirs: Members, pointer: string, conflicts: string[]): Tree => {
  const merged: Record<string, Tree> = {}
  const own = (of: Members, name: string): Node => (Object.hasOwn(of, name) ? of[name] : undefined)
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const node = merge(own(base, name), own(ours, name), own(theirs, name), childPointer(pointer, name), conflicts)
    if (node !== undefined) merged[name] = node
  }
  return merged
}

/** Three-way merge: what one side changed is taken from it; what both changed alike is no conflict. */
export const mergeTrees = (base: Tree, ours: Tree, theirs: Tree): MergedTree => {
  const conflicts: string[] = []
  return { root: merge(base, ours, theirs, '', conflicts) as Tree, conflicts: conflicts.sort() }
}
