import type { RefusalReason } from '../types.ts'
import { MAX_KID_CHARS } from './keys.ts'
import { parseStrictObject } from './strict-json.ts'

export const MAX_TOKEN_CHARS = 16_384

type Members = Readonly<Record<string, unknown>>

/** A JWS in compact form, read strictly; nothing in it is verified. */
export interface Compact {
  readonly header: Members
  readonly payload: Members
}

/** A JWT whose form and header are as they must be; nothing in it is verified. */
export interface ParsedJwt {
  readonly algorithm: string
  readonly kid: string | undefined
  /** `typ` in lower case without `application/`; empty where there is none. */
  readonly type: string
  readonly payload: Members
}

/** What a base64url character stands for, or -1. */
const sextets = new Int8Array(128).fill(-1)
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  sextets[char.charCodeAt(0)] = value
}

/**
 * Whether a text is base64url as RFC 7515 section 2 writes it and in no other way: no padding, no white space, and the bits of the last
 * character that stand for nothing are zero. Without the last rule one token has several texts, and whatever is kept by text can be evaded.
 */
export const isCanonicalBase64url = (text: string): boolean => {
  const tail = text.length % 4
  if (text.length === 0 || tail === 1) return false
  let sextet = 0
  for (let i = 0; i < text.length; i++) {
    sextet = sextets[text.charCodeAt(i)] ?? -1
    if (sextet < 0) return false
  }
  return tail === 0 || (sextet & (tail === 2 ? 0b1111 : 0b11)) === 0
}

/** Whether a text is meant as a JWT: three parts of which the first encodes something that begins with `{`. */
export const looksLikeJwt = (text: string): boolean => {
  const first = text.indexOf('.')
  if (first < 2 || Buffer.from(text.slice(0, 4), 'base64url')[0] !== 0x7b) return false
  const second = text.indexOf('.', first + 1)
  return second > 0 && text.indexOf('.', second + 1) < 0
}

/** Three parts of canonical base64url, of which the first two are JSON objects that name no member twice. */
export const parseCompact = (text: string): Compact | undefined => {
  const parts = text.split('.')
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) return undefined
  const [header, payload] = parts.slice(0, 2).map((part) => parseStrictObject(Buffer.from(part, 'base64url')))
  return header === undefined || payload === undefined ? undefined : { header, payload }
}

/** No extension is understood (RFC 7515 section 4.1.11); b64 changes what is signed (RFC 7797); enc and zip belong to other things. */
export const hasExtensions = (header: Members): boolean =>
  ['crit', 'b64', 'enc', 'zip'].some((name) => Object.hasOwn(header, name))

const accessTokenTypes = new Set(['jwt', 'at+jwt'])

/** Reads a JWT in compact form; the answer is a reason where it is refused. */
export const parseJwt = (text: string): ParsedJwt | RefusalReason => {
  const parsed = parseCompact(text)
  if (parsed === undefined) return 'malformed'
  const { header, payload } = parsed
  const { alg, kid, typ } = header as { alg?: unknown; kid?: unknown; typ?: unknown }
  if (hasExtensions(header)) return 'header'
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARS)) return 'header'
  if (typeof alg !== 'string') return 'algorithm'
  const type = typ === undefined ? '' : typeOf(typ)
  if (type === undefined || (typ !== undefined && !accessTokenTypes.has(type))) return 'type'
  return { algorithm: alg, kid, type, payload }
}

/** RFC 7515 section 4.1.9: compared without case, `application/` may be left out. */
export const typeOf = (typ: unknown): string | undefined => {
  if (typeof typ !== 'string') return undefined
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}
