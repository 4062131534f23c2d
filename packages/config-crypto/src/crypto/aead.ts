import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { decodeBase64Url } from '../format/base64.ts'

/** `randomBytes`; the known answers of the tests are the only other one. */
export type Random = (size: number) => Buffer

const nonceBytes = 12
const tagBytes = 16

/*
 * Keys are always key objects: on Node 24 a key given as bytes makes each call four times slower.
 */

/** AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D): base64url of nonce, ciphertext and tag. */
export const seal = (key: KeyObject, data: Buffer, bound: Buffer, random: Random): string => {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(bound)
  return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** `undefined` for what was not sealed under this key and these bound bytes. */
export const open = (key: KeyObject, text: string, bound: Buffer): Buffer | undefined => {
  const bytes = decodeBase64Url(text)
  if (!bytes || bytes.length < nonceBytes + tagBytes) return undefined
  const end = bytes.length - tagBytes
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(bound)
  decipher.setAuthTag(bytes.subarray(end))
  const data = decipher.update(bytes.subarray(nonceBytes, end))
  try {
    decipher.final()
    return data
  } catch {
    data.fill(0)
    return undefined
  }
}
