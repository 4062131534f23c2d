import { randomBytes } from 'node:crypto'
import type { Random } from '../crypto/aead.ts'
import type { Vault } from '../crypto/vault.ts'
import { optionsError } from '../errors.ts'
import { contentOfTree } from '../format/content.ts'
import { formatDocument, maxFileBytes } from '../format/document.ts'
import type { Header } from '../format/header.ts'
import { SealedLeaf, type Tree } from '../format/leaf.ts'
import { descend, endsHere } from '../format/patterns.ts'
import { childPointer, type Path } from '../format/pointer.ts'
import { childrenOf, mapLeaves, storedTree } from '../format/tree.ts'
import type { SealedFile } from './sealed-file.ts'

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
  const { vault = file.vault, root: wanted = file.content.root } = next
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
  return { header, mac: macOf(header, root, vault), content: contentOfTree(root), vault, kid: next.kid ?? file.kid }
}

const macOf = (header: Header, root: Tree, vault: Vault): Buffer => vault.macOf(header, storedTree(root))

/** A file that was never written. */
export const firstSealed = (header: Omit<Header, 'id' | 'rev'>, vault: Vault, kid: string): SealedFile => {
  const whole: Header = { ...header, id: vault.id.toString('base64url'), rev: 1 }
  return { header: whole, mac: macOf(whole, {}, vault), content: contentOfTree({}), vault, kid }
}

export const formatSealed = ({ header, content, mac }: SealedFile): string => {
  const text = formatDocument(header, storedTree(content.root), mac)
  if (Buffer.byteLength(text) > maxFileBytes) {
    throw optionsError(`the file would be larger than ${maxFileBytes} bytes`)
  }
  return text
}
