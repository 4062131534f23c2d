import { hash } from 'node:crypto'

type Members = Readonly<Record<string, unknown>>

/** The members that a thumbprint is of, in the order in which they are written (RFC 7638 section 3.2, RFC 8037 section 2). */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** Members of private and symmetric keys (RFC 7518 section 6). */
const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

const MAX_MEMBER_CHARS = 1400

/** The public members of a JWK alone, or undefined for what is no public key. Whether its numbers are a key is seen when it is imported. */
export const publicJwk = (jwk: unknown): Readonly<Record<string, string>> | undefined => {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return undefined
  const given = jwk as Members
  const names =
    typeof given['kty'] === 'string' && Object.hasOwn(members, given['kty']) ? members[given['kty']] : undefined
  if (names === undefined || secret.some((name) => Object.hasOwn(given, name))) return undefined
  const own: Record<string, string> = {}
  for (const name of names) {
    const value = given[name]
    if (typeof value !== 'string' || value === '' || value.length > MAX_MEMBER_CHARS) return undefined
    own[name] = value
  }
  return own
}

/** The SHA-256 thumbprint of a key (RFC 7638) in base64url: 43 characters. `jwk` is what `publicJwk` answered. */
export const thumbprintOf = (jwk: Readonly<Record<string, string>>): string =>
  hash('sha256', JSON.stringify(jwk), 'base64url')
