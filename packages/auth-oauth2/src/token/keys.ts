import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { OAuth2Error } from '../errors.ts'
import { isFactorable } from './roca.ts'
import { importPublicKey } from './signature.ts'

const MAX_KEYS = 100
export const MAX_KID_CHARS = 256

/** A public key of an issuer. */
export interface VerificationKey {
  readonly kid: string | undefined
  /** The algorithms it may be used with. */
  readonly algorithms: readonly string[]
  /** False once the issuer has withdrawn the key: what it verified is verified anew. */
  inUse: boolean
  /** Imported when it is first asked for; undefined for one whose numbers are no key. */
  readonly publicKey: KeyObject | undefined
}

export type KeySet = ReadonlyMap<string, VerificationKey>

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const EDDSA = ['EdDSA', 'Ed25519']
const CURVES: Readonly<Record<string, readonly string[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': EDDSA,
}

/** The asymmetric algorithms that tokens may be signed with. */
export const ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'ES512', ...RSA, ...EDDSA]

/**
 * Reads a JWK set (RFC 7517). Keys that cannot verify (symmetric, for encryption, too weak, malformed) are left out; a key that was in `before`
 * stays the same object, and those that are gone are marked so.
 * @throws OAuth2Error `ERR_OAUTH2_RESPONSE`
 */
export const readKeySet = (document: Readonly<Record<string, unknown>>, before: KeySet): KeySet => {
  const list = document['keys']
  if (!Array.isArray(list)) throw new OAuth2Error('ERR_OAUTH2_RESPONSE', 'the key set has no array "keys"')
  if (list.length > MAX_KEYS) throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `the key set has over ${MAX_KEYS} keys`)
  const keys = new Map<string, VerificationKey>()
  for (const entry of list) {
    const jwk = publicPart(entry)
    if (jwk === undefined) continue
    const identity = JSON.stringify(jwk)
    keys.set(identity, before.get(identity) ?? keyOf(jwk))
  }
  for (const [identity, key] of before) if (!keys.has(identity)) key.inUse = false
  return keys
}

const keyOf = (jwk: JWK): VerificationKey => {
  let imported: { readonly key: KeyObject | undefined } | undefined
  return {
    kid: jwk.kid,
    algorithms: algorithmsOf(jwk),
    inUse: true,
    get publicKey() {
      imported ??= { key: importPublicKey(jwk) }
      return imported.key
    },
  }
}

/** The members that matter in a fixed order, or undefined for a key that must not verify. Private parts are not looked at. */
const publicPart = (entry: unknown): JWK | undefined => {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { kty, crv, n, e, x, y, alg, kid, use, key_ops: ops } = entry as Record<string, unknown>
  if (use !== undefined && use !== 'sig') return undefined
  if (ops !== undefined && !(Array.isArray(ops) && ops.includes('verify'))) return undefined
  if (alg !== undefined && typeof alg !== 'string') return undefined
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_CHARS)) return undefined
  const common = { ...(alg === undefined ? {} : { alg }), ...(kid === undefined ? {} : { kid }) }
  if (kty === 'RSA') return isUsable({ kty, n, e }) ? { kty, n: n as string, e: e as string, ...common } : undefined
  if (typeof crv !== 'string' || !Object.hasOwn(CURVES, `${String(kty)} ${crv}`) || typeof x !== 'string')
    return undefined
  if (kty === 'OKP') return { kty, crv, x, ...common }
  return typeof y === 'string' ? { kty: 'EC', crv, x, y, ...common } : undefined
}

/**
 * RSA: 2048 to 8192 bits, and an odd public exponent from 2^16 to 2^32 (FIPS 186-5 section 5.1): weaker ones prove nothing, and larger ones
 * cost who verifies more than who signs. Whether the numbers of the other kinds are a key is seen when it is imported.
 */
export const isUsable = ({ kty, n, e }: Readonly<Record<string, unknown>>): boolean => {
  if (kty !== 'RSA') return true
  if (typeof n !== 'string' || typeof e !== 'string' || n.length > 1400 || e.length > 6) return false
  const exponent = Buffer.from(e, 'base64url')
  const value = exponent.length > 0 ? BigInt(`0x${exponent.toString('hex')}`) : 0n
  const modulus = Buffer.from(n, 'base64url')
  const bits = bitsOf(modulus)
  const strong = value > 65_536n && value % 2n === 1n && bits >= 2048 && bits <= 8192
  return strong && !isFactorable(BigInt(`0x${modulus.toString('hex')}`))
}

const bitsOf = (bytes: Uint8Array): number => {
  let first = 0
  while (bytes[first] === 0) first++
  const top = bytes[first]
  return top === undefined ? 0 : (bytes.length - first) * 8 - (Math.clz32(top) - 24)
}

/** The algorithms of a kind of key, whatever it says that it is for. */
export const algorithmsFor = ({ kty, crv }: Readonly<Record<string, unknown>>): readonly string[] => {
  if (kty === 'RSA') return RSA
  const curve = `${String(kty)} ${String(crv)}`
  return Object.hasOwn(CURVES, curve) ? (CURVES[curve] as readonly string[]) : []
}

/** What kind of key it is decides; a stated `alg` narrows that to itself, where both names of Ed25519 are one (RFC 9864). */
const algorithmsOf = (jwk: JWK): readonly string[] => {
  const possible = algorithmsFor(jwk)
  const { alg } = jwk
  if (alg === undefined) return possible
  if (!possible.includes(alg)) return []
  return EDDSA.includes(alg) ? EDDSA : [alg]
}
