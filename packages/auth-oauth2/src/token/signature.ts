import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'

interface Scheme {
  readonly hash: string | null
  /** Bytes of a signature, where all are of one length. */
  readonly length?: number
  readonly options: object
}

const ecdsa = (hash: string, length: number): Scheme => ({ hash, length, options: { dsaEncoding: 'ieee-p1363' } })
const pkcs1 = (hash: string): Scheme => ({ hash, options: { padding: constants.RSA_PKCS1_PADDING } })
const pss = (hash: string): Scheme => ({
  hash,
  options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
})
const ed25519: Scheme = { hash: null, length: 64, options: {} }

/** RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1, RFC 9864. */
const schemes: ReadonlyMap<string, Scheme> = new Map([
  ['ES256', ecdsa('sha256', 64)],
  ['ES384', ecdsa('sha384', 96)],
  ['ES512', ecdsa('sha512', 132)],
  ['RS256', pkcs1('sha256')],
  ['RS384', pkcs1('sha384')],
  ['RS512', pkcs1('sha512')],
  ['PS256', pss('sha256')],
  ['PS384', pss('sha384')],
  ['PS512', pss('sha512')],
  ['EdDSA', ed25519],
  ['Ed25519', ed25519],
])

/** The key that a JWK describes, or undefined for one that is none, such as a point that is not on its curve. */
export const importPublicKey = (jwk: Readonly<Record<string, unknown>>): KeyObject | undefined => {
  try {
    return createPublicKey({ key: jwk as never, format: 'jwk' })
  } catch {
    return undefined
  }
}

/** How many are verified at once in a turn of the event loop: well under a millisecond of them. */
const MAX_AT_ONCE = 4
let atOnce = 0

/**
 * Whether the key signed a JWS in compact form, with exactly this algorithm. Which key may be asked for which algorithm is decided before; the text is known to be
 * in its canonical form. The first four of a turn of the event loop are verified at once, which costs less than to hand them to another thread; those
 * that come with them are handed over, so that a crowd does not hold up everything else.
 */
export const isSignedBy = (text: string, algorithm: string, key: KeyObject): boolean | Promise<boolean> => {
  const scheme = schemes.get(algorithm)
  const dot = text.lastIndexOf('.')
  const signature = Buffer.from(text.slice(dot + 1), 'base64url')
  // Of another length it would be taken for the other encoding of such signatures.
  if (scheme === undefined || (scheme.length ?? signature.length) !== signature.length) return false
  const data = Buffer.from(text.slice(0, dot), 'latin1')
  const input = { key, ...scheme.options }
  if (atOnce < MAX_AT_ONCE) {
    if (atOnce++ === 0) {
      setImmediate(() => {
        atOnce = 0
      })
    }
    try {
      return verify(scheme.hash, data, input, signature)
    } catch {
      // What cannot be verified was not signed.
      return false
    }
  }
  return new Promise((resolve) => {
    verify(scheme.hash, data, input, signature, (error, good) => resolve(error === null && good))
  })
}
