import type { TokenSet } from './token-set.ts'
import type { Endpoints, FetchFunction } from '../types.ts'

export interface OAuthClientOptions {
  /** Issuer identifier; its metadata is discovered. Needed unless `endpoints` has all that is used. */
  readonly issuer?: string
  /** Given ones win over the metadata. With `authorization` or `token` given nothing is discovered, and PKCE with S256 is taken for supported. */
  readonly endpoints?: Endpoints
  readonly clientId: string
  /** Without one the client is public. */
  readonly clientSecret?: string
  /** How the secret is sent. Default: `basic`, or `post` where the metadata allows only that. */
  readonly clientAuth?: 'basic' | 'post'
  /** For the authorization code flow. */
  readonly redirectUri?: string
  /** Canonical URI of the server that tokens are for (RFC 8707), sent in every request. */
  readonly resource?: string
  readonly scopes?: readonly string[]
  /** Deadline of one request in ms: 100 to 60,000, default 10,000. */
  readonly timeoutMs?: number
  readonly fetch?: FetchFunction
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly clock?: () => number
}

/** What has to be kept, for one user and one sign-in, between the redirect and the callback. */
export interface PendingAuthorization {
  readonly state: string
  readonly codeVerifier: string
  /** With the scope `openid` only. */
  readonly nonce?: string
  /** What the tokens will be for. */
  readonly resource?: string
}

export interface AuthorizationRequest extends PendingAuthorization {
  /** Where to send the user's browser. */
  readonly url: string
}

export interface OAuthClient {
  /**
   * Begins the authorization code flow (RFC 6749 section 4.1) with PKCE S256 and a random state; a state of your own has 16 to 1,024 characters.
   * Throws `ERR_OAUTH2_UNSUPPORTED` for a server that does not say that it does S256.
   */
  authorizationUrl(options?: {
    readonly scopes?: readonly string[]
    readonly state?: string
    readonly resource?: string
  }): Promise<AuthorizationRequest>
  /**
   * Ends the flow: `callback` is the URL that the browser came back to, or its query. Compares the state, then the issuer (RFC 9207), then
   * redeems the code. The same callback again gives the same tokens until they expire.
   * Throws `ERR_OAUTH2_STATE`, `ERR_OAUTH2_ISSUER`, `ERR_OAUTH2_DENIED` (its `error` says why).
   */
  exchangeCode(callback: URL | string | URLSearchParams, pending: PendingAuthorization): Promise<TokenSet>
  /** New tokens for a refresh token; callers at the same time, and within 10 s, share one answer, so that rotation harms none of them. */
  refresh(refreshToken: string | TokenSet): Promise<TokenSet>
  /** Tokens of the client itself (RFC 6749 section 4.4), kept until a little before they expire. */
  clientCredentials(options?: { readonly scopes?: readonly string[]; readonly resource?: string }): Promise<TokenSet>
  /** Revokes an access or refresh token (RFC 7009); of a token set, the refresh token if it has one. */
  revoke(token: string | TokenSet): Promise<void>
  /** Ends idle connections. */
  close(): void
}
