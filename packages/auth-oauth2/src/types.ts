import type { Principal } from '@portcullis/authz'
import type { ReplayStore } from './proof/replay.ts'

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
  readonly deviceAuthorization?: string
  readonly registration?: string
}

/** How an issuer's access tokens are verified. */
export interface IssuerOptions {
  /** Issuer identifier, compared exactly (RFC 8414 section 2). `https:`, or `http:` on a loopback host. */
  readonly issuer: string
  /** What this resource is called in `aud`, compared exactly. Default: `resource`. */
  readonly audience?: string | readonly string[]
  /**
   * `member` (default): `aud` names one of `audience`, and whatever else. `exact`: it names nothing else, so that no other resource can use the token
   * here. `allowlist`: whatever else it names is in `alsoFor`. `client`: a token without `aud` is taken too, if its client is one of `clients`
   * (servers that write no audience).
   */
  readonly audienceMode?: 'member' | 'exact' | 'allowlist' | 'client'
  readonly alsoFor?: readonly string[]
  /** Only tokens of these clients (`client_id`, else `azp`, `cid` or `appid`) are taken. Default: of all. */
  readonly clients?: readonly string[]
  /** `rfc9068`: the header must say `at+jwt`, and `sub`, `client_id`, `iat` and `jti` must be there. Default `any`. */
  readonly profile?: 'any' | 'rfc9068'
  /** Claims that must be there besides, such as those that only access tokens of this issuer have. */
  readonly requiredClaims?: readonly string[]
  /** `claims`: where scopes are, default `scope` and `scp`. `prefix`: only scopes that begin so count, without it (`api://my-server/`). */
  readonly scopes?: { readonly claims?: readonly string[]; readonly prefix?: string }
  /**
   * `jwt`: by the issuer's keys. `introspection`: by asking it (RFC 7662). `auto` (default): JWTs by its keys, other tokens by asking it,
   * the latter only with `clientId` and `clientSecret` or `clientKey`. `tokeninfo`: by asking an endpoint that tells whom a token is for without
   * credentials (Google's).
   */
  readonly mode?: 'jwt' | 'introspection' | 'auto' | 'tokeninfo'
  /** JWS algorithms that are believed, asymmetric ones only. Default: ES256, ES384, ES512, RS*, PS*, EdDSA, Ed25519. */
  readonly algorithms?: readonly string[]
  /** Credentials for introspection: a secret (`client_secret_basic`), or a key (`private_key_jwt`, RFC 7523). */
  readonly clientId?: string
  readonly clientSecret?: string
  readonly clientKey?: ClientKey
  readonly endpoints?: Endpoints
  /** Opaque tokens that begin so are asked of this issuer. Needed by each as soon as two issuers introspect. */
  readonly tokenPrefix?: string
  /** `maxStaleMs`: how long keys are believed past their age of 10 minutes while the issuer cannot be reached. Default 1 h, at most 24 h. */
  readonly jwks?: { readonly maxStaleMs?: number }
  /** Deadline of one request to the issuer in ms: 100 to 60,000, default 5,000. */
  readonly timeoutMs?: number
  /** Lets the issuer's metadata name endpoints on other hosts in private networks. Whoever can change the metadata can then make this process ask any of them. */
  readonly dangerouslyAllowPrivateAddresses?: boolean
}

/** A private key that a client signs assertions with (RFC 7523 section 2.2), as a JWK. */
export interface ClientKey {
  /** With `kty`, and `d` or the private members of RSA. */
  readonly jwk: Readonly<Record<string, unknown>>
  /** Default: the JWK's `alg`. */
  readonly algorithm?: string
  /** Default: the JWK's `kid`. */
  readonly kid?: string
}

/** Tokens that are bound to a key of the client (RFC 9449). */
export interface DpopOptions {
  /** `allow` (default): a bound token needs a proof, others are bearer tokens. `require`: others are refused. `off`: bound ones are refused. */
  readonly mode?: 'allow' | 'require' | 'off'
  /** Algorithms of proofs. Default: those of tokens. */
  readonly algorithms?: readonly string[]
  /** How old a proof may be, in seconds: 1 to 600, default 60. */
  readonly maxAgeSec?: number
  /** Remembers used proofs. Default: `memoryReplayStore()`; several processes need a common one. */
  readonly replay?: ReplayStore
  /** Proofs must hold a nonce of this server, so that none can be made in advance. `secrets`: 32 bytes or more each, the same in all processes, first the one in use. */
  readonly nonce?: { readonly secrets?: readonly Uint8Array[]; readonly maxAgeSec?: number }
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
  /** Tokens bound to a key. Those bound to a client certificate (RFC 8705) always need it. */
  readonly dpop?: DpopOptions
  /** Tokens that are refused although they have not expired, asked for every use. `createRevocations` makes one. */
  readonly revocations?: Revocations
  /**
   * How many tokens of one address (IPv6: of its /64) may turn out bad after a signature check or a question before its new ones are put off
   * (`ERR_OAUTH2_UNAVAILABLE`): `burst` at once, default 100, and `perSecond` more, default 20. Verified tokens in the cache are never put off.
   */
  readonly failureBudget?: { readonly burst?: number; readonly perSecond?: number }
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
  | 'client'
  | 'sender_constrained'
  | 'proof'
  | 'proof_nonce'
  | 'proof_replayed'
  | 'certificate'
  | 'revoked'
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
  /** `client_id`, else `azp`, `cid` or `appid`. */
  readonly clientId?: string
  /** `scope` and `scp` together, each once, 256 at most. */
  readonly scopes: readonly string[]
  /** `jti`. */
  readonly tokenId?: string
  /** `iat` in ms since the epoch. */
  readonly issuedAtMs?: number
}

/** Port: whether a token was taken back (RFC 7009). Never by its text: one token has several. */
export interface Revocations {
  covers(claims: TokenClaims): boolean
}

export interface OAuth2Principal extends Principal {
  readonly method: 'oauth2'
  readonly claims: Readonly<TokenClaims> & Readonly<Record<string, unknown>>
}

export type VerifyResult = { readonly ok: true; readonly principal: OAuth2Principal } | Refusal

/** Who shows a token, and how. */
export interface VerifyContext {
  /** The caller's address in canonical form. At most 8 tokens of one address (IPv6: of its /64) are asked about at once. */
  readonly address?: string
  readonly transport?: 'http' | 'stdio'
  /** The scheme of the `Authorization` header in lower case. Default `bearer`. */
  readonly scheme?: 'bearer' | 'dpop'
  /** The only `DPoP` header of the request, its method, and its URL as clients write it (the public one, behind a proxy). */
  readonly dpop?: { readonly proof: string | undefined; readonly method: string; readonly url: string }
  /** The client's certificate in DER, of a connection on which it has proven to hold its key. */
  readonly clientCertificate?: Uint8Array | undefined
  /** The same caller proved to hold the key when the stream was opened for which this is asked again: no proof is looked at. Default false. */
  readonly proven?: boolean
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
  /** For the `DPoP-Nonce` header of every answer (RFC 9449 section 8.2); undefined where proofs need none. */
  dpopNonce(): string | undefined
  /** Fetches keys and metadata before the first token comes. Rejects with `ERR_OAUTH2_UNAVAILABLE`; the verifier can be used all the same. */
  prepare(): Promise<void>
  /** Ends idle connections. */
  close(): void
}
