import type { Principal } from '@portcullis/authz'

/** What is used of `fetch`. Given one, it makes every request; without, requests go over keep-alive connections of `node:http(s)`. */
export type FetchFunction = (
  url: string,
  init: {
    readonly method: 'GET' | 'POST'
    readonly headers: Record<string, string>
    readonly body?: string
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

/** Endpoints of an authorization server; those given here win over its metadata. */
export interface Endpoints {
  readonly authorization?: string
  readonly token?: string
  readonly introspection?: string
  readonly jwks?: string
  readonly revocation?: string
}

/** How an issuer's access tokens are verified. */
export interface IssuerOptions {
  /** Issuer identifier, compared exactly (RFC 8414 section 2). `https:`, or `http:` on a loopback host. */
  readonly issuer: string
  /** What a token's `aud` must name one of, compared exactly. Default: `resource`. */
  readonly audience?: string | readonly string[]
  /**
   * `jwt`: by the issuer's keys. `introspection`: by asking it (RFC 7662). `auto` (default): JWTs by its keys, other tokens by asking it,
   * the latter only with `clientId` and `clientSecret`.
   */
  readonly mode?: 'jwt' | 'introspection' | 'auto'
  /** JWS algorithms that are believed, asymmetric ones only. Default: ES256, ES384, ES512, RS*, PS*, EdDSA, Ed25519. */
  readonly algorithms?: readonly string[]
  /** Credentials for introspection (`client_secret_basic`). */
  readonly clientId?: string
  readonly clientSecret?: string
  readonly endpoints?: Endpoints
  /** Opaque tokens that begin so are asked of this issuer. Needed by each as soon as two issuers introspect. */
  readonly tokenPrefix?: string
  /** `maxStaleMs`: how long keys are believed past their age of 10 minutes while the issuer cannot be reached. Default 1 h, at most 24 h. */
  readonly jwks?: { readonly maxStaleMs?: number }
  /** Deadline of one request to the issuer in ms: 100 to 60,000, default 5,000. */
  readonly timeoutMs?: number
}

/** Something an operator may want to count or log. Never holds a token. */
export interface OAuth2Event {
  readonly type:
    | 'jwks.fetched'
    | 'jwks.failed'
    | 'metadata.fetched'
    | 'metadata.failed'
    | 'introspection.failed'
    | 'introspection.refused'
  readonly issuer: string
  readonly error?: unknown
}

export interface TokenVerifierOptions {
  /** Canonical URI of this resource server (RFC 8707); several where it is known by several spellings on loopback. */
  readonly resource: string | readonly string[]
  /** At least one; identifiers are unique. */
  readonly issuers: readonly IssuerOptions[]
  /** Scope hierarchy: who holds the key holds the values too. */
  readonly implies?: Readonly<Record<string, readonly string[]>>
  /** How far clocks may differ, in seconds: 0 to 60, default 5. */
  readonly clockToleranceSec?: number
  /** The longest `exp - iat` that is accepted, in seconds: 60 to 31,536,000, default 86,400. */
  readonly maxLifetimeSec?: number
  readonly cache?: {
    /** Verified tokens: 0 to 1,000,000, default 10,000. */
    readonly maxEntries?: number
    /** Refused tokens, in a cache of their own: 0 to 100,000, default 1,000. */
    readonly maxNegativeEntries?: number
    /** How long an introspection's answer holds, in ms: 0 to 600,000, default 30,000. A revocation is seen after that at the latest. */
    readonly maxAgeMs?: number
    /** How long a refusal holds, in ms: 0 to 60,000, default 5,000. */
    readonly negativeMs?: number
  }
  readonly fetch?: FetchFunction
  /** Milliseconds since the epoch; default `Date.now`, and a monotonic clock for ages. */
  readonly clock?: () => number
  readonly on?: (event: OAuth2Event) => void
}

/** Why a token is refused; for the audit log, callers are told one thing for all but `insufficient_scope`. */
export type RefusalReason =
  | 'malformed'
  | 'unsupported'
  | 'header'
  | 'algorithm'
  | 'type'
  | 'issuer'
  | 'unknown_key'
  | 'signature'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime'
  | 'claims'
  | 'sender_constrained'
  | 'inactive'
  | 'insufficient_scope'

export type Refusal =
  | { readonly ok: false; readonly reason: Exclude<RefusalReason, 'insufficient_scope'> }
  | { readonly ok: false; readonly reason: 'insufficient_scope'; readonly missingScopes: readonly string[] }

/** What `principal.claims` holds. */
export interface TokenClaims {
  readonly issuer: string
  /** `sub`. */
  readonly subject?: string
  /** `client_id`, else `azp` or `cid`. */
  readonly clientId?: string
  /** `scope` and `scp` together, each once, 256 at most. */
  readonly scopes: readonly string[]
  /** `jti`. */
  readonly tokenId?: string
}

export interface OAuth2Principal extends Principal {
  readonly method: 'oauth2'
  readonly claims: Readonly<TokenClaims> & Readonly<Record<string, unknown>>
}

export type VerifyResult = { readonly ok: true; readonly principal: OAuth2Principal } | Refusal

/** Who shows a token. */
export interface VerifyContext {
  /** The caller's address in canonical form. At most 8 tokens of one address (IPv6: of its /64) are asked about at once. */
  readonly address?: string
  readonly transport?: 'http' | 'stdio'
}

export interface TokenVerifier {
  /**
   * Whose token it is. A refusal is a value; the same frozen result is returned, without a promise, as long as a verified token stays cached.
   * Throws (rejects with) OAuth2Error `ERR_OAUTH2_UNAVAILABLE`, which has `retryAfterMs`, when its issuer cannot be asked,
   * or not now for this address.
   */
  verify(token: string, context?: VerifyContext): VerifyResult | Promise<VerifyResult>
  /** The issuer identifiers. */
  readonly issuers: readonly string[]
  /** Fetches keys and metadata before the first token comes. Rejects with `ERR_OAUTH2_UNAVAILABLE`; the verifier can be used all the same. */
  prepare(): Promise<void>
  /** Ends idle connections. */
  close(): void
}
