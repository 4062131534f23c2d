import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { decodeBase64Url } from './base64.ts'
import { encodeCanonical } from './canonical.ts'
import type { JsonValue } from './types.ts'

/** `randomBytes`; the known answers of the tests are the only other one. */
export type Random = (size: number) => Buffer

/** What is derived from the data key of one file. */
export interface FileKeys {
  readonly values: KeyObject
  readonly mac: KeyObject
}

const nonceBytes = 12
const tagBytes = 16
export const keyBytes = 32

const label = (purpose: string): string => `portcullis/config/v1/${purpose}`
const aad = (purpose: string, id: Buffer, text: string): Buffer =>
  Buffer.concat([Buffer.from(`${label(purpose)}\0`), id, Buffer.from(text)])

const derive = (secret: KeyObject, salt: Uint8Array, purpose: string, size: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, label(purpose), size))

/** The bytes are wiped: the key object has its own copy. */
const intoKey = (bytes: Buffer): KeyObject => {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** The name of a key-encryption key, the same in every file: 16 hexadecimal digits that say nothing about the key. */
export const kidOf = (kek: KeyObject): string => derive(kek, Buffer.alloc(0), 'kid', 8).toString('hex')

/** AES-256-GCM with a random 96-bit nonce: base64url of nonce, ciphertext and tag. */
const seal = (key: KeyObject, data: Buffer, bound: Buffer, random: Random): string => {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(bound)
  return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

const open = (key: KeyObject, text: string, bound: Buffer): Buffer | undefined => {
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

export const newDataKey = (random: Random = randomBytes): KeyObject => intoKey(random(keyBytes))

export const deriveFileKeys = (dataKey: KeyObject, id: Buffer): FileKeys => ({
  values: intoKey(derive(dataKey, id, 'values', keyBytes)),
  mac: intoKey(derive(dataKey, id, 'mac', keyBytes)),
})

export interface WrapContext {
  readonly kek: KeyObject
  readonly kid: string
  readonly id: Buffer
}

export const wrapDataKey = (
  { kek, kid, id }: WrapContext,
  dataKey: KeyObject,
  random: Random = randomBytes,
): string => {
  const bytes = dataKey.export()
  const text = seal(intoKey(derive(kek, id, 'wrap', keyBytes)), bytes, aad('wrap', id, kid), random)
  bytes.fill(0)
  return text
}

export const unwrapDataKey = ({ kek, kid, id }: WrapContext, wrapped: string): KeyObject | undefined => {
  const bytes = open(intoKey(derive(kek, id, 'wrap', keyBytes)), wrapped, aad('wrap', id, kid))
  return bytes?.length === keyBytes ? intoKey(bytes) : undefined
}

/** White space behind JSON means nothing: a ciphertext shows the length of its value in steps only. */
const padded = (json: string): Buffer => {
  const data = Buffer.from(json)
  let size = 32
  while (size < data.length && size < 1024) size *= 2
  if (size < data.length) size = Math.ceil(data.length / 1024) * 1024
  return Buffer.concat([data, Buffer.alloc(size - data.length, ' ')])
}

/** Where a value stands, as a JSON Pointer (RFC 6901); names hold nothing that it would escape. */
export const pointerOf = (name: string): string => `/${name}`

export const sealValue = (
  keys: FileKeys,
  id: Buffer,
  name: string,
  value: JsonValue,
  random: Random = randomBytes,
): string => {
  const data = padded(JSON.stringify(value))
  const text = seal(keys.values, data, aad('value', id, pointerOf(name)), random)
  data.fill(0)
  return text
}

/** The JSON text of a value, with the padding behind it; `undefined` for a ciphertext that was not made under this key, file and name. */
export const openValue = (keys: FileKeys, id: Buffer, name: string, text: string): string | undefined => {
  const data = open(keys.values, text, aad('value', id, pointerOf(name)))
  const json = data?.toString('utf8')
  data?.fill(0)
  return json
}

/** HMAC-SHA-256 over everything of a file but the MAC itself. */
export const macOf = (keys: FileKeys, content: JsonValue): Buffer =>
  createHmac('sha256', keys.mac)
    .update(`${label('mac')}\0`)
    .update(encodeCanonical(content))
    .digest()

export const sameMac = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
