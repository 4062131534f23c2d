import { crc32 } from 'node:zlib'
import { base62Of32Bits, randomBase62 } from './base62.ts'

/** Of a text that may be a key of any format, in characters: header lines of 8 KiB and more are rarely let through. */
export const maxKeyChars = 4096

/** What stands in a key's text for anyone to read; the secret is not among it. */
export interface ParsedKey {
  readonly prefix: string
  readonly env: string
  readonly id: string
}

// <prefix>_<env>_<id 12><secret 43><crc 6>; every part is bounded, so the match is too.
const shape = /^([a-z][a-z0-9_]{0,14}[a-z0-9])_([a-z]{1,16})_([0-9A-Za-z]{12})[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/
const longest = 16 + 1 + 16 + 1 + 61

export const prefixPattern = /^[a-z][a-z0-9_]{0,14}[a-z0-9]$/
export const envPattern = /^[a-z]{1,16}$/

const checksum = (text: string): string => base62Of32Bits(crc32(text))

/** Splits a text of our shape; `intact` is whether its checksum holds. */
export const splitKey = (text: string): (ParsedKey & { readonly intact: boolean }) | undefined => {
  if (text.length > longest) return undefined
  const match = shape.exec(text)
  if (!match) return undefined
  const [, prefix = '', env = '', id = '', crc] = match
  return { prefix, env, id, intact: checksum(text.slice(0, -6)) === crc }
}

/** Whether a text may be a key of ours with some characters lost or added: such text is not shown, nor stored where it would be. */
export const resemblesKey = (text: string): boolean => /_[0-9A-Za-z]{48}/.test(text)

/** Reads a key offline: its public parts if the text has our shape and its checksum (CRC-32, for typing errors and scanners only) holds. */
export const parseKey = (text: string): ParsedKey | undefined => {
  const parts = typeof text === 'string' ? splitKey(text) : undefined
  return parts?.intact ? { prefix: parts.prefix, env: parts.env, id: parts.id } : undefined
}

/** Puts a key's text together and appends its checksum. */
export const formatKey = (parts: ParsedKey & { readonly secret: string }): string => {
  const text = `${parts.prefix}_${parts.env}_${parts.id}${parts.secret}`
  return text + checksum(text)
}

/** A new key: 71 bits of id that anyone may see and 256 bits of secret. */
export const generateKey = (
  prefix: string,
  env: string,
  random: (size: number) => Uint8Array,
): { key: string; id: string } => {
  const id = randomBase62(12, random)
  return { key: formatKey({ prefix, env, id, secret: randomBase62(43, random) }), id }
}
