import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

export const keyBytes = 32

/** What a key or a ciphertext is for, with the version of the format. */
export const label = (purpose: string): string => `portcullis/config/v1/${purpose}`

/** HKDF-SHA-256 (RFC 5869). */
export const derive = (secret: KeyObject, salt: Uint8Array, purpose: string, size: number = keyBytes): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, label(purpose), size))

/** The bytes are wiped: the key object has its own copy. */
export const intoKey = (bytes: Buffer): KeyObject => {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** What a ciphertext is bound to: purpose and version, file, and `text`. */
export const boundTo = (purpose: string, id: Buffer, text: string): Buffer =>
  Buffer.concat([Buffer.from(`${label(purpose)}\0`), id, Buffer.from(text)])

/** The name of a key-encryption key, the same in every file: 16 hexadecimal digits that say nothing about the key. */
export const kidOf = (kek: KeyObject): string => derive(kek, Buffer.alloc(0), 'kid', 8).toString('hex')

/**
 * The name of a key that was derived from a passphrase. Twice as long because it commits to the key: AES-GCM alone lets one ciphertext open under many keys, with which
 * an answer "it opens" would test many passphrases at once (Len, Grubbs, Ristenpart: Partitioning Oracle Attacks).
 */
export const passphraseKidOf = (kek: KeyObject): string => derive(kek, Buffer.alloc(0), 'kid', 16).toString('hex')
