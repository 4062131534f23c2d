import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { decodeBase64Url } from './base64.ts'
import { keyBytes, kidOf } from './cipher.ts'
import { ConfigError } from './errors.ts'
import { type FernetKey, fernetKeyOf } from './fernet.ts'

/** A key-encryption key of ours. */
export interface SealingKey {
  readonly kind: 'sealing'
  readonly kid: string
  readonly kek: KeyObject
}

export type LoadedKey = SealingKey | FernetKey

const ours = /^pconf1_([0-9a-f]{16})_([0-9a-f]{64})$/

/** A new key as the text of a key file: `pconf1_`, 16 digits that name the key and check it, `_`, 64 digits of secret. */
export const generateKey = (): string => {
  const secret = randomBytes(keyBytes)
  const text = `pconf1_${kidOf(createSecretKey(secret))}_${secret.toString('hex')}`
  secret.fill(0)
  return text
}

/** What a key's text is decides what it opens. `place` is for the message, which never holds the text. */
export const parseKeyText = (text: string, place: string): LoadedKey => {
  const line = text.replace(/\r?\n$/, '')
  const [, kid, secret] = ours.exec(line) ?? []
  if (kid !== undefined && secret !== undefined) {
    const kek = createSecretKey(Buffer.from(secret, 'hex'))
    if (kidOf(kek) === kid) return { kind: 'sealing', kid, kek }
    throw new ConfigError('ERR_CONFIG_KEY', `the key of ${place} was changed or mistyped`)
  }
  const bytes = /^[A-Za-z0-9_-]{43}=$/.test(line) ? decodeBase64Url(line.slice(0, -1)) : undefined
  if (bytes) return fernetKeyOf(bytes)
  throw new ConfigError('ERR_CONFIG_KEY', `${place} does not hold one line with a key`)
}
