import { createSecretKey, type KeyObject, scrypt, scryptSync } from 'node:crypto'
import { type Steps, step } from '../steps.ts'
import type { ScryptParameters } from '../format/key-table.ts'
import { keyBytes } from './derive.ts'

/** The key-encryption key of a passphrase (RFC 7914); its parameters are within the bounds that the table was read with. */
export function* deriveFromPassphrase(passphrase: string, { N, r, p, salt }: ScryptParameters): Steps<KeyObject> {
  // Two keyboards may spell one character in two ways.
  const secret = Buffer.from(passphrase.normalize('NFC'))
  const saltBytes = Buffer.from(salt, 'base64url')
  const options = { N, r, p, maxmem: 128 * r * (N + p + 2) }
  const bytes = yield* step<Buffer>({
    sync: () => scryptSync(secret, saltBytes, keyBytes, options),
    async: () =>
      new Promise((resolve, reject) => {
        scrypt(secret, saltBytes, keyBytes, options, (error, key) => (error ? reject(error) : resolve(key)))
      }),
  })
  secret.fill(0)
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
