import { hash, randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { targetUri } from '../proof/target-uri.ts'
import { invalid } from '../checks.ts'

/** A key of this process that tokens are bound to. Its private part cannot be exported. */
export interface DpopKey {
  readonly pair: Promise<{ readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }>
  /** A proof for one request (RFC 9449 section 4.2). */
  prove(request: ProofRequest, nowMs: number): Promise<string>
}

export interface ProofRequest {
  readonly method: string
  readonly url: string
  readonly accessToken?: string
  readonly nonce?: string
}

const ALGORITHM = 'ES256'

export const createDpopKey = (): DpopKey => {
  const pair = generateKeyPair(ALGORITHM)
  // Whoever uses the key hears of a failure; nobody has to.
  pair.catch(() => undefined)
  return {
    pair: pair as DpopKey['pair'],
    async prove({ method, url, accessToken, nonce }, nowMs) {
      const htu = targetUri(url)
      if (htu === undefined || typeof method !== 'string') throw invalid('a proof is for a method and an http(s) URL')
      const { privateKey, publicKey } = await pair
      return new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu,
        iat: Math.floor(nowMs / 1000),
        ...(accessToken === undefined ? {} : { ath: hash('sha256', accessToken, 'base64url') }),
        ...(nonce === undefined ? {} : { nonce }),
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
        .sign(privateKey)
    },
  }
}
