import { malformed } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { encodeCanonical } from './canonical.ts'
import { type Header, headerMembers, onlyMembers, parseHeader } from './header.ts'
import { isObject, parseJson } from './json.ts'
import { isReserved, type Opener, parseLeaf, type Tree } from './leaf.ts'
import { descend, endsHere } from './patterns.ts'
import { childPointer, isMember, isName, type Path } from './pointer.ts'
import { printHeader, printTree } from './print.ts'

export const maxFileBytes = 10 * 1_048_576

/** A file that has the right shape; nothing of it is verified. */
export interface SealedDocument {
  readonly header: Header
  readonly mac: Buffer
  /** As stored. */
  readonly config: JsonValue
}

const isConflict = (text: string): boolean => text.startsWith('<<<<<<< ') || text.includes('\n<<<<<<< ')

/** Any JSON file that this package reads. */
export const parseFile = (text: string): Record<string, JsonValue> => {
  if (isConflict(text)) {
    throw malformed(
      'it holds git conflict markers: take one side whole, then repeat the change, and let "portcullis secrets merge-driver" merge the next time',
    )
  }
  const root = parseJson(text)
  if (!isObject(root)) throw malformed('it is not a JSON object')
  return root
}

/** The tree of what is stored: sealed values become leaves, and what must be sealed is. */
const grow = (node: JsonValue, pointer: string, patterns: readonly Path[], opener: Opener): Tree => {
  if (typeof node === 'string' && isReserved(node)) {
    const leaf = parseLeaf(opener, pointer, node)
    if (leaf) return leaf
    throw malformed('a value begins with "enc:" and is not sealed as this version does')
  }
  if (endsHere(patterns)) throw malformed(`${JSON.stringify(pointer)} must be sealed and is not`)
  if (typeof node !== 'object' || node === null) return node
  const child = (name: string, value: JsonValue): Tree =>
    grow(value, childPointer(pointer, name), descend(patterns, name), opener)
  if (Array.isArray(node)) return node.map((item: JsonValue, index) => child(String(index), item))
  const allowed = pointer === '' ? isName : isMember
  const members: Record<string, Tree> = {}
  for (const [name, value] of Object.entries(node as { readonly [member: string]: JsonValue })) {
    if (!allowed(name)) throw malformed('a member of "config" has a name that is not allowed')
    members[name] = child(name, value)
  }
  return members
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION`; no message repeats what the file holds */
export const parseDocument = (text: string): SealedDocument => {
  const file = parseFile(text)
  if (file['sealed'] === undefined && Object.keys(file).some((name) => name.startsWith('encrypted_'))) {
    throw malformed(
      'it is not a sealed configuration; a Fernet file is opened by its own key, and a "portcullis secrets migrate" that was interrupted is finished by another one',
    )
  }
  const { header, mac } = parseHeader(file['sealed'])
  onlyMembers(file, ['sealed', 'config'], 'the file')
  const { config } = file
  if (!isObject(config)) throw malformed('it has no "config"')
  return { header, mac, config }
}

/**
 * What a document holds, its sealed values as leaves that `opener` opens.
 * @throws ConfigError `ERR_CONFIG_MALFORMED` for names that are not allowed, and for plain values where sealed ones must be
 */
export const treeOf = ({ header, config }: SealedDocument, opener: Opener): Tree =>
  grow(
    config,
    '',
    header.secrets.map(({ path }) => path),
    opener,
  )

/** What the MAC is taken over, one character a byte. */
export const authenticatedBytes = (header: Header, config: JsonValue): string =>
  encodeCanonical({ sealed: headerMembers(header), config })

/** The text of a file: one line a value, ordered by name, so that a change of one value is a change of three lines. */
export const formatDocument = (header: Header, config: JsonValue, mac: Buffer): string => {
  const sealed = printHeader({ ...headerMembers(header), mac: mac.toString('base64url') }, 'keys')
  return `{\n  "sealed": ${sealed},\n  "config": ${printTree(config, '  ')}\n}\n`
}
