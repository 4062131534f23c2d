import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/**
 * Opaque texts that only we can make and that only their owner can use: AES-256-GCM (NIST SP 800-38D) under a key derived
 * for one purpose, with the owner as associated data. Random 96-bit nonces: at most 2^32 texts a key.
 */
export interface Sealer {
  /** Base64url text. */
  seal(owner: string, content: string): string
  /** The content; `undefined` when the text is not ours, not this owner's, or was changed. */
  open(owner: string, text: string): string | undefined
}

const nonceBytes = 12
const tagBytes = 16
const wellFormed = /^[A-Za-z0-9_-]+$/

/** HKDF-SHA256 (RFC 5869) of the master key, with `portcullis/<purpose>/v1` as info and no salt. */
export const deriveKey = (masterKey: Uint8Array, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', masterKey, new Uint8Array(0), `portcullis/${purpose}/v1`, 32))

/**
 * The first key seals, every key of the ring opens, so that the master key can be rotated. Texts of more than `maxTextLength`
 * characters are not opened.
 */
export const createSealer = (masterKeys: readonly Uint8Array[], purpose: string, maxTextLength = 4096): Sealer => {
  const keys = masterKeys.map((key) => deriveKey(key, purpose))
  const [current] = keys
  if (current === undefined) throw new RangeError('at least one master key is needed')

  const openWith = (key: Uint8Array, owner: string, bytes: Buffer): string | undefined => {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
      decipher.setAAD(Buffer.from(owner, 'utf8'))
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
      const content = decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes), undefined, 'utf8')
      return content + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  return {
    seal(owner, content) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', current, nonce)
      cipher.setAAD(Buffer.from(owner, 'utf8'))
      const sealed = Buffer.concat([nonce, cipher.update(content, 'utf8'), cipher.final()])
      return Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url')
    },
    open(owner, text) {
      if (text.length > maxTextLength || !wellFormed.test(text)) return undefined
      const bytes = Buffer.from(text, 'base64url')
      // One text, one meaning: base64url that decodes to the same bytes in two spellings would be two handles of one thing.
      if (bytes.length <= nonceBytes + tagBytes || bytes.toString('base64url') !== text) return undefined
      for (const key of keys) {
        const content = openWith(key, owner, bytes)
        if (content !== undefined) return content
      }
      return undefined
    },
  }
}
