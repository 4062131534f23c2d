import { hash } from 'node:crypto'
import { type CheckedClaims, checkJwtClaims, type ClaimRules } from '../token/claims.ts'
import type { ParsedJwt } from '../token/compact.ts'
import { OAuth2Error, quote, unavailable } from '../errors.ts'
import type { Http } from '../http/http.ts'
import type { Endpoint } from '../http/http-types.ts'
import { createIntrospection } from './introspection.ts'
import { createJwks } from './jwks.ts'
import type { VerificationKey } from '../token/keys.ts'
import { fetchMetadata, type ServerMetadata } from './metadata.ts'
import { questionerOf } from './questioner.ts'
import { createRemote } from './remote.ts'
import { isSignedBy } from '../token/signature.ts'
import type { Endpoints, RefusalReason } from '../types.ts'
import type { IssuerSettings, VerifierSettings } from '../verifier/verifier-options.ts'

const METADATA_AGE_MS = 3_600_000
const METADATA_STALE_MS = 86_400_000

/** What an issuer says of one of its tokens, and whether that still stands. */
export type Answer = RefusalReason | (CheckedClaims & { readonly stands?: () => boolean })

/** One authorization server, as a verifier of its tokens. */
export interface Issuer {
  readonly settings: IssuerSettings
  /** Rejects with `ERR_OAUTH2_UNAVAILABLE` when keys are needed and cannot be had. `onWasted`: it could not be told, after work that made-up tokens cause. */
  verifyJwt(token: string, jwt: ParsedJwt, onWasted: () => void): Promise<Answer>
  /** Absent where the issuer is never asked. Rejects with `ERR_OAUTH2_UNAVAILABLE`. */
  readonly introspect?: (token: string) => Promise<Answer>
  prepare(): Promise<void>
}

export const createIssuer = (settings: IssuerSettings, common: VerifierSettings, http: Http): Issuer => {
  const { issuer, algorithms, timeoutMs, mode } = settings
  const { clock, now, emit, toleranceMs, maxLifetimeMs } = common
  const rules: ClaimRules = { ...settings, toleranceMs, maxLifetimeMs }
  const { hostname } = new URL(issuer)

  const metadata = createRemote<ServerMetadata>({
    what: `metadata of ${issuer}`,
    load: () => fetchMetadata(issuer, http, timeoutMs),
    maxAgeMs: () => METADATA_AGE_MS,
    maxStaleMs: METADATA_STALE_MS,
    now,
    onLoaded: () => emit({ type: 'metadata.fetched', issuer }),
    onFailed: (error) => emit({ type: 'metadata.failed', issuer, error }),
  })

  const endpoint = async (name: keyof Endpoints): Promise<Endpoint> => {
    const configured = settings.endpoints[name]
    if (configured !== undefined) return { url: configured, foreign: false }
    const url = (await metadata.get()).endpoints[name]
    // A document that was fetched must not send this process where nobody meant it to go. The issuer's own host was meant.
    if (url !== undefined) return { url, foreign: url.hostname !== hostname && !settings.allowsPrivateAddresses }
    throw new OAuth2Error('ERR_OAUTH2_METADATA', `the metadata of ${quote(issuer)} names no ${name} endpoint`)
  }

  const jwks = createJwks({
    what: `keys of ${issuer}`,
    endpoint: () => endpoint('jwks'),
    http,
    timeoutMs,
    maxStaleMs: settings.maxStaleMs,
    now,
    onLoaded: () => emit({ type: 'jwks.fetched', issuer }),
    onFailed: (error) => emit({ type: 'jwks.failed', issuer, error }),
  })

  const signer = async (
    token: string,
    algorithm: string,
    keys: readonly VerificationKey[],
  ): Promise<VerificationKey | undefined> => {
    for (const key of keys) {
      const { publicKey } = key
      if (publicKey !== undefined && (await isSignedBy(token, algorithm, publicKey))) return key
    }
    return undefined
  }

  const verifyJwt = async (token: string, { algorithm, kid, type, payload }: ParsedJwt): Promise<Answer> => {
    if (!algorithms.includes(algorithm)) return 'algorithm'
    // What is refused whoever signed it needs no key, so an expired token is one even while the issuer is down.
    const checked = checkJwtClaims(payload, type, clock(), rules)
    if (typeof checked === 'string') return checked
    const name = kid === undefined ? `token ${hash('sha256', token, 'base64url')}` : `key ${algorithm} ${kid}`
    const wanted = { algorithm, kid, name }
    const keys = await jwks.find(wanted)
    if (keys.length === 0) return 'unknown_key'
    let key = await signer(token, algorithm, keys)
    if (key === undefined && kid === undefined) {
      const others = (await jwks.findAnew(wanted)).filter((other) => !keys.includes(other))
      key = await signer(token, algorithm, others)
    }
    if (key === undefined) return 'signature'
    const signedBy = key
    return { ...checked, stands: () => signedBy.inUse && jwks.keepFresh() }
  }

  const questioner = questionerOf(settings, clock)
  const ask =
    questioner === undefined
      ? undefined
      : createIntrospection({
          endpoint: () => endpoint('introspection'),
          questioner,
          rules,
          http,
          timeoutMs,
          clock,
          now,
          onFailed: (error) => emit({ type: 'introspection.failed', issuer, error }),
          onRefused: () => emit({ type: 'introspection.refused', issuer }),
        })

  const introspect = async (token: string, question: NonNullable<typeof ask>): Promise<Answer> => {
    // `auto` means "if it can": an issuer without the endpoint has no opaque tokens.
    const known = mode !== 'auto' || settings.endpoints.introspection !== undefined
    if (!known && (await metadata.get()).endpoints.introspection === undefined) return 'unsupported'
    return question(token)
  }

  const prepare = async (): Promise<void> => {
    if (asksOnly(mode)) await endpoint('introspection')
    else await jwks.load()
  }

  return {
    settings,
    verifyJwt(token, jwt, onWasted) {
      const work = verifyJwt(token, jwt).catch((error: unknown) => {
        if (jwks.isSpent(error)) onWasted()
        throw error
      })
      return outagesOnly(issuer, work)
    },
    ...(ask === undefined ? {} : { introspect: (token: string) => outagesOnly(issuer, introspect(token, ask)) }),
    prepare: () => outagesOnly(issuer, prepare()),
  }
}

/** Whether JWTs of this issuer are asked about like any other token. */
export const asksOnly = (mode: IssuerSettings['mode']): boolean => mode === 'introspection' || mode === 'tokeninfo'

/** Whatever is wrong with an authorization server, its tokens cannot be judged: that is an outage, with the reason as its cause. */
const outagesOnly = async <T>(issuer: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof OAuth2Error)) throw error
    if (error.code === 'ERR_OAUTH2_UNAVAILABLE' && error.retryAfterMs !== undefined) throw error
    throw unavailable(`authorization server ${quote(issuer)}`, error, error.retryAfterMs ?? 1000)
  }
}
