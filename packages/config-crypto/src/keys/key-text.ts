import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { keyBytes, kidOf } from '../crypto/derive.ts'
import { type FernetKey, fernetKeyOf } from '../crypto/fernet.ts'
import { ConfigError } from '../errors.ts'
import { decodeBase64Url } from '../format/base64.ts'

/** A key-encryption key of ours. */
export interface SealingKey {
  readonly kind: 'sealing'
  readonly kid: string
  readonly kek: KeyObject
}

export type LoadedKey = SealingKey | FernetKey

const ours = /^pconf1_([0-9a-f]{16})_([0-9a-f]{64})$/
/** How many keys a key file may hold. */
export const maxLines = 16

/** A new key as the text of a key file: `pconf1_`, 16 digits that name the key and check it, `_`, 64 digits of secret. */
export const generateKey = (): string => {
  const secret = randomBytes(keyBytes)
  const text = `pconf1_${kidOf(createSecretKey(secret))}_${secret.toString('hex')}`
  secret.fill(0)
  return text
}

const badKey = (message: string): ConfigError => new ConfigError('ERR_CONFIG_KEY', message)

const parseLine = (line: string, place: string): SealingKey | undefined => {
  const [, kid, secret] = ours.exec(line) ?? []
  if (kid === undefined || secret === undefined) return undefined
  const kek = createSecretKey(Buffer.from(secret, 'hex'))
  if (kidOf(kek) === kid) return { kind: 'sealing', kid, kek }
  throw badKey(`the key of ${place} was changed or mistyped`)
}

export const linesOf = (text: string): readonly string[] => text.replace(/\r?\n$/, '').split(/\r?\n/)

/**
 * What a text holds: keys of ours, the newest first, those that it replaced behind it; or one bare Fernet key. What it is decides what it opens. `place` is for the
 * message, which never holds the text.
 * @throws ConfigError `ERR_CONFIG_KEY`
 */
export const parseKeyText = (text: string, place: string): readonly LoadedKey[] => {
  const lines = linesOf(text)
  const [line = ''] = lines
  const fernet =
    lines.length === 1 && /^[A-Za-z0-9_-]{43}=$/.test(line) ? decodeBase64Url(line.slice(0, -1)) : undefined
  if (fernet) return [fernetKeyOf(fernet)]
  const found = lines.slice(0, maxLines + 1).map((each) => parseLine(each, place))
  const keys = found.filter((key) => key !== undefined)
  if (keys.length < found.length || keys.length > maxLines) throw badKey(`${place} does not hold one key a line`)
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw badKey(`${place} holds a key twice`)
  return keys
}
