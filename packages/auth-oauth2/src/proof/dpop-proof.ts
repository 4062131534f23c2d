import { hash, type KeyObject } from 'node:crypto'
import { hasExtensions, parseCompact, typeOf } from '../token/compact.ts'
import { algorithmsFor, isUsable } from '../token/keys.ts'
import { importPublicKey, isSignedBy } from '../token/signature.ts'
import { targetUri } from './target-uri.ts'
import { publicJwk, thumbprintOf } from './thumbprint.ts'

const MAX_PROOF_CHARS = 8192
const MAX_JTI_CHARS = 256
const MAX_CACHED_KEYS = 1000

export interface ProofRules {
  readonly algorithms: readonly string[]
  /** How old `iat` may be. */
  readonly maxAgeMs: number
  readonly toleranceMs: number
}

/** What a proof is held against. */
export interface ProofTarget {
  readonly method: string
  readonly url: string
  readonly accessToken: string
  /** Thumbprint that the access token is bound to. */
  readonly jkt: string
}

/** A proof that was verified, but for whether it was used before and whether its nonce is ours. */
export interface Proof {
  /** A digest over key and `jti`. */
  readonly id: string
  /** From when on it is refused as too old. */
  readonly expiresAtMs: number
  readonly nonce: unknown
}

export interface ProofVerifier {
  /** Checks a DPoP proof as RFC 9449 section 4.3 lists it; undefined where anything is not as it must be. */
  verify(text: string, target: ProofTarget, nowMs: number): Promise<Proof | undefined>
}

export const createProofVerifier = (rules: ProofRules): ProofVerifier => {
  /** By thumbprint: to import a key costs as much as to verify with it. */
  const keys = new Map<string, KeyObject | undefined>()

  const keyOf = (jkt: string, jwk: Readonly<Record<string, string>>): KeyObject | undefined => {
    if (!keys.has(jkt)) {
      if (keys.size >= MAX_CACHED_KEYS) keys.delete(keys.keys().next().value as string)
      keys.set(jkt, isUsable(jwk) ? importPublicKey(jwk) : undefined)
    }
    return keys.get(jkt)
  }

  return {
    async verify(text, target, nowMs) {
      if (text.length > MAX_PROOF_CHARS) return undefined
      const { header, payload } = parseCompact(text) ?? {}
      if (header === undefined || payload === undefined || hasExtensions(header)) return undefined
      if (typeOf(header['typ']) !== 'dpop+jwt') return undefined
      const { alg } = header
      if (typeof alg !== 'string' || !rules.algorithms.includes(alg)) return undefined
      const jwk = publicJwk(header['jwk'])
      if (jwk === undefined || !algorithmsFor(jwk).includes(alg)) return undefined
      // The key that the access token is bound to, before its signature costs anything.
      if (thumbprintOf(jwk) !== target.jkt) return undefined

      const { jti, htm, htu, iat, ath, nonce } = payload
      if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_CHARS) return undefined
      if (htm !== target.method) return undefined
      const uri = targetUri(htu)
      if (uri === undefined || uri !== targetUri(target.url)) return undefined
      if (ath !== hash('sha256', target.accessToken, 'base64url')) return undefined
      if (typeof iat !== 'number' || !Number.isFinite(iat)) return undefined
      const expiresAtMs = iat * 1000 + rules.maxAgeMs + rules.toleranceMs
      if (iat * 1000 > nowMs + rules.toleranceMs || nowMs >= expiresAtMs) return undefined
      const key = keyOf(target.jkt, jwk)
      if (key === undefined || !(await isSignedBy(text, alg, key))) return undefined
      return { id: hash('sha256', `${target.jkt} ${jti}`, 'base64url'), expiresAtMs, nonce }
    },
  }
}
