import { sameMac, Vault } from '../crypto/vault.ts'
import { type Content, contentOf } from '../format/content.ts'
import { parseDocument, type SealedDocument } from '../format/document.ts'
import type { Header } from '../format/header.ts'
import type { SealingKey } from '../keys/key-text.ts'
import { tampered, unlock } from '../keys/unlock.ts'
import type { Steps } from '../steps.ts'
import type { KeySource } from '../types.ts'

/** A file of ours whose MAC is verified. */
export interface SealedFile {
  readonly header: Header
  readonly mac: Buffer
  readonly content: Content
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

const isAuthentic = (document: SealedDocument, vault: Vault): boolean =>
  sameMac(vault.macOf(document.header, document.config), document.mac)

/** A later write under a data key that is known; `undefined` where it is another file, or not under that key. @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION` */
export const reopenSealed = (text: string, known: SealedFile): SealedFile | undefined => {
  const document = parseDocument(text)
  const { header, mac } = document
  const { vault } = known
  if (header.id !== known.header.id || !isAuthentic(document, vault)) return undefined
  const kid = header.keys.some((entry) => entry.kid === known.kid) ? known.kid : ''
  return { header, mac, content: contentOf(document, vault), vault, kid }
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_INTEGRITY`; inside a file, so it is not named */
export function* openSealed(text: string, { path, quiet, sources }: Opening): Steps<SealedFile> {
  const document = parseDocument(text)
  const { header, mac } = document
  const { dataKey, kid } = yield* unlock(header, quiet, sources, path)
  const vault = new Vault(dataKey, Buffer.from(header.id, 'base64url'))
  // First, for what it says is more than that the MAC does not fit; nothing is opened by it.
  const content = contentOf(document, vault)
  if (!isAuthentic(document, vault)) throw tampered()
  return { header, mac, content, vault, kid }
}
