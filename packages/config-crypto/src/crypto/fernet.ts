import { createDecipheriv, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { decodeBase64Url } from '../format/base64.ts'

/** A key of the Fernet specification, version 0x80. */
export interface FernetKey {
  readonly kind: 'fernet'
  readonly signing: KeyObject
  readonly encryption: KeyObject
}

/** From 32 bytes, which are wiped: 16 to sign, 16 to encrypt. */
export const fernetKeyOf = (bytes: Buffer): FernetKey => {
  const key: FernetKey = {
    kind: 'fernet',
    signing: createSecretKey(bytes.subarray(0, 16)),
    encryption: createSecretKey(bytes.subarray(16)),
  }
  bytes.fill(0)
  return key
}

// Version 1, time 8, IV 16, at least one block of 16, HMAC 32.
const shortestBytes = 73

/** The bytes of an authentic token. Nothing is decrypted; its time is not looked at: a configuration has no age limit. */
export const verifyToken = (key: FernetKey, token: string): Buffer | undefined => {
  const [, unpadded = ''] = /^([A-Za-z0-9_-]+)={0,2}$/.exec(token) ?? []
  const bytes = token.length % 4 === 0 ? decodeBase64Url(unpadded) : undefined
  if (!bytes || bytes.length < shortestBytes || (bytes.length - 57) % 16 !== 0 || bytes[0] !== 0x80) return undefined
  const signed = bytes.subarray(0, -32)
  const hmac = createHmac('sha256', key.signing).update(signed).digest()
  return timingSafeEqual(hmac, bytes.subarray(-32)) ? signed : undefined
}

/** The text in what `verifyToken` returned; `undefined` for bad padding or text that is not UTF-8. */
export const decryptToken = (key: FernetKey, signed: Buffer): string | undefined => {
  try {
    const decipher = createDecipheriv('aes-128-cbc', key.encryption, signed.subarray(9, 25))
    const data = Buffer.concat([decipher.update(signed.subarray(25)), decipher.final()])
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    return undefined
  }
}
