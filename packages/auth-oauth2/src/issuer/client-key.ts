import { randomUUID } from 'node:crypto'
import { type CryptoKey, importJWK, type JWK, SignJWT } from 'jose'
import { invalid, optionalText, refuseUnknown } from '../checks.ts'
import { ALGORITHMS, algorithmsFor } from '../token/keys.ts'
import type { ClientKey } from '../types.ts'

const ASSERTION_SEC = 60

/** A client's private key, ready to sign. */
export interface SigningKey {
  readonly algorithm: string
  readonly kid: string | undefined
  key(): Promise<CryptoKey>
}

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS`; no message holds anything of the key */
export const readClientKey = (what: string, given: ClientKey): SigningKey => {
  refuseUnknown(what, given, ['jwk', 'algorithm', 'kid'])
  const { jwk, kid } = given
  optionalText(`${what}.kid`, kid)
  if (typeof jwk !== 'object' || jwk === null || typeof jwk['d'] !== 'string')
    throw invalid(`${what}.jwk must be a private JWK`)
  const algorithm = given.algorithm ?? jwk['alg']
  const possible = algorithmsFor(jwk)
  if (typeof algorithm !== 'string' || !ALGORITHMS.includes(algorithm) || !possible.includes(algorithm)) {
    throw invalid(
      `${what} needs an algorithm that its key is for${possible.length === 0 ? '' : `: ${possible.join(', ')}`}`,
    )
  }
  const name = kid ?? (typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined)
  const copy = { ...jwk, alg: algorithm } as JWK
  let imported: Promise<CryptoKey> | undefined
  return {
    algorithm,
    kid: name,
    key() {
      imported ??= (importJWK(copy, algorithm) as Promise<CryptoKey>).catch(() => {
        throw invalid(`${what}.jwk is no ${algorithm} key`)
      })
      return imported
    },
  }
}

/** A client assertion (RFC 7523 section 3): for one server, once, for a minute. */
export const signAssertion = async (
  key: SigningKey,
  clientId: string,
  audience: string,
  nowMs: number,
): Promise<string> => {
  const nowSec = Math.floor(nowMs / 1000)
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: key.algorithm, ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt(nowSec)
    .setExpirationTime(nowSec + ASSERTION_SEC)
    .sign(await key.key())
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
