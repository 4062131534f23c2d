import { SealedLeaf, type Tree } from '../format/leaf.ts'
import { leavesOf } from '../format/tree.ts'

/** Leaves by pointer, as something that is equal only for what is stored the same. */
const stored = (root: Tree): Map<string, string> =>
  new Map(
    [...leavesOf(root)].map(({ pointer, node }) => [
      pointer,
      node instanceof SealedLeaf ? node.text : JSON.stringify(node),
    ]),
  )

/** JSON Pointers of the values that are in one of the trees only, or stored in another way; nothing is opened. */
export const changedPointers = (before: Tree, after: Tree): readonly string[] => {
  const [old, now] = [stored(before), stored(after)]
  const changed = [...now].filter(([pointer, text]) => old.get(pointer) !== text).map(([pointer]) => pointer)
  return [...changed, ...[...old.keys()].filter((pointer) => !now.has(pointer))].sort()
}
