import { randomBytes } from 'node:crypto'
import type { Random } from '../crypto/aead.ts'
import { sameMac, Vault } from '../crypto/vault.ts'
import { optionsError } from '../errors.ts'
import {
  authenticatedBytes,
  formatDocument,
  maxFileBytes,
  parseDocument,
  type SealedDocument,
  treeOf,
} from '../format/document.ts'
import type { Header } from '../format/header.ts'
import { SealedLeaf, type Tree } from '../format/leaf.ts'
import { descend, endsHere } from '../format/patterns.ts'
import { childPointer, type Path } from '../format/pointer.ts'
import { childrenOf, mapLeaves, storedTree } from '../format/tree.ts'
import type { SealingKey } from '../keys/key-text.ts'
import { tampered, unlock } from '../keys/unlock.ts'
import type { Steps } from '../steps.ts'
import type { JsonValue, KeySource } from '../types.ts'

/** A file of ours whose MAC is verified. */
export interface SealedFile {
  readonly header: Header
  readonly mac: Buffer
  readonly root: Tree
  readonly vault: Vault
  /** The entry of the key table that led to the data key. */
  readonly kid: string
}

/** How a data key is come by. */
export interface Opening {
  /** For prompts and messages. */
  readonly path: string
  readonly quiet: readonly SealingKey[]
  readonly sources: readonly KeySource[]
}

const isAuthentic = (document: SealedDocument, vault: Vault, textLength: number): boolean =>
  sameMac(vault.macOf(authenticatedBytes(document.header, document.config, textLength)), document.mac)

/** A later write under a data key that is known; `undefined` where it is another file, or not under that key. @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION` */
export const reopenSealed = (text: string, known: SealedFile): SealedFile | undefined => {
  const document = parseDocument(text)
  const { header, mac } = document
  const { vault } = known
  if (header.id !== known.header.id || !isAuthentic(document, vault, text.length)) return undefined
  const kid = header.keys.some((entry) => entry.kid === known.kid) ? known.kid : ''
  return { header, mac, root: treeOf(document, vault), vault, kid }
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_INTEGRITY`; inside a file, so it is not named */
export function* openSealed(text: string, { path, quiet, sources }: Opening): Steps<SealedFile> {
  const document = parseDocument(text)
  const { header, mac } = document
  const { dataKey, kid } = yield* unlock(header, quiet, sources, path)
  const vault = new Vault(dataKey, Buffer.from(header.id, 'base64url'))
  // First, for what it says is more than that the MAC does not fit; nothing is opened by it.
  const root = treeOf(document, vault)
  if (!isAuthentic(document, vault, text.length)) throw tampered()
  return { header, mac, root, vault, kid }
}

/** What a change leaves of a file or puts into it. */
export interface Next {
  readonly root?: Tree
  readonly header?: Partial<Header>
  /** Another data key: every value is sealed anew. */
  readonly vault?: Vault
  /** The entry by which this process has the data key from now on. */
  readonly kid?: string
}

/** A list that lost an item may have a plain value where its pattern demands a sealed one. */
const assertSealed = (node: Tree, pointer: string, patterns: readonly Path[]): void => {
  if (patterns.length === 0 || node instanceof SealedLeaf) return
  if (endsHere(patterns)) throw optionsError(`${JSON.stringify(pointer)} may be stored sealed only`)
  for (const [name, child] of childrenOf(node)) {
    assertSealed(child, childPointer(pointer, name), descend(patterns, name))
  }
}

/** The file as its next write has it. Values that stand elsewhere than where they were sealed for, or under another data key, are sealed anew; all others stay as they are. */
export const nextSealed = (file: SealedFile, next: Next, random: Random = randomBytes): SealedFile => {
  const { vault = file.vault, root: wanted = file.root } = next
  const header: Header = { ...file.header, ...next.header, rev: (next.header?.rev ?? file.header.rev) + 1 }
  if (!Number.isSafeInteger(header.rev)) throw optionsError('the file was written too many times')
  const root = mapLeaves<Tree>(wanted, '', (leaf, pointer) =>
    leaf.opener === vault && leaf.pointer === pointer ? leaf : vault.seal(pointer, leaf.setOn, leaf.reveal(), random),
  ) as Tree
  assertSealed(
    root,
    '',
    header.secrets.map(({ path }) => path),
  )
  return { header, mac: macOf(header, root, vault), root, vault, kid: next.kid ?? file.kid }
}

const macOf = (header: Header, root: Tree, vault: Vault): Buffer =>
  vault.macOf(authenticatedBytes(header, storedTree(root)))

/** A file that was never written. */
export const firstSealed = (header: Omit<Header, 'id' | 'rev'>, vault: Vault, kid: string): SealedFile => {
  const whole: Header = { ...header, id: vault.id.toString('base64url'), rev: 1 }
  return { header: whole, mac: macOf(whole, {}, vault), root: {}, vault, kid }
}

export const formatSealed = ({ header, root, mac }: SealedFile): string => {
  const text = formatDocument(header, storedTree(root) as JsonValue, mac)
  if (Buffer.byteLength(text) > maxFileBytes) {
    throw optionsError(`the file would be larger than ${maxFileBytes} bytes`)
  }
  return text
}
