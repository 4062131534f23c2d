import { malformed } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import type { SealedDocument } from './document.ts'
import { isLeafText, isReserved, leafOf, type Opener, type Tree } from './leaf.ts'
import { descend, endsHere } from './patterns.ts'
import { childPointer, formatPointer, isMember, isName, type Path } from './pointer.ts'
import { childrenOf, hasLeaf, isIndex, nodeAt } from './tree.ts'

/** What `config` holds, for who reads it. */
export interface Content {
  /** All of it; made when it is first asked for. */
  readonly root: Tree
  nodeAt(path: Path): Tree | undefined
  /** Names of `config` itself; `sealed` where the value is, or something in it. */
  names(): readonly { readonly name: string; readonly sealed: boolean }[]
}

type Members = { readonly [member: string]: JsonValue }

const isLeaf = (node: JsonValue): node is string => typeof node === 'string' && isReserved(node)

/** Every sealed value is one of this version, and what must be sealed is. `pointer` is kept only while a pattern may fit. */
const check = (
  node: JsonValue,
  pointer: string,
  patterns: readonly Path[],
  allowed: (name: string) => boolean,
): void => {
  if (isLeaf(node)) {
    if (isLeafText(node)) return
    throw malformed('a value begins with "enc:" and is not sealed as this version does')
  }
  if (endsHere(patterns)) throw malformed(`${JSON.stringify(pointer)} must be sealed and is not`)
  if (typeof node !== 'object' || node === null) return
  const isList = Array.isArray(node)
  for (const name of Object.keys(node)) {
    if (!isList && !allowed(name)) throw malformed('a member of "config" has a name that is not allowed')
    const below = descend(patterns, name)
    check((node as Members)[name] as JsonValue, below.length > 0 ? childPointer(pointer, name) : '', below, isMember)
  }
}

/** The tree of what is stored, which was checked. */
const grow = (node: JsonValue, pointer: string, opener: Opener): Tree => {
  if (isLeaf(node)) return leafOf(opener, pointer, node)
  if (typeof node !== 'object' || node === null) return node
  if (Array.isArray(node)) return node.map((item: JsonValue, index) => grow(item, childPointer(pointer, index), opener))
  const members: Record<string, Tree> = {}
  for (const name of Object.keys(node)) {
    members[name] = grow((node as Members)[name] as JsonValue, childPointer(pointer, name), opener)
  }
  return members
}

const storedAt = (config: JsonValue, path: Path): JsonValue | undefined => {
  let node: JsonValue | undefined = config
  for (const segment of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, segment)) return undefined
    if (Array.isArray(node) && !isIndex(segment)) return undefined
    node = (node as Members)[segment]
  }
  return node
}

const holdsLeaf = (node: JsonValue): boolean =>
  isLeaf(node) || (typeof node === 'object' && node !== null && Object.values(node as Members).some(holdsLeaf))

/**
 * What a document holds. Sealed values become leaves when they are asked for: most programs ask for few.
 * @throws ConfigError `ERR_CONFIG_MALFORMED` for names that are not allowed, and for plain values where sealed ones must be
 */
export const contentOf = ({ header, config }: SealedDocument, opener: Opener): Content => {
  check(
    config,
    '',
    header.secrets.map(({ path }) => path),
    isName,
  )
  let root: Tree | undefined
  return {
    get root() {
      root ??= grow(config, '', opener)
      return root
    },
    nodeAt: (path) => {
      const node = storedAt(config, path)
      return node === undefined ? undefined : grow(node, formatPointer(path), opener)
    },
    names: () => Object.entries(config as Members).map(([name, node]) => ({ name, sealed: holdsLeaf(node) })),
  }
}

/** What a tree holds that is there already. */
export const contentOfTree = (root: Tree): Content => ({
  root,
  nodeAt: (path) => nodeAt(root, path),
  names: () => childrenOf(root).map(([name, node]) => ({ name, sealed: hasLeaf(node) })),
})
