import type { ClientKey, Endpoints, FetchFunction } from '../types.ts'
import type { TokenSet } from './token-set.ts'

export interface OAuthClientOptions {
  /** Issuer identifier; its metadata is discovered. Needed unless `endpoints` has all that is used. */
  readonly issuer?: string
  /** The issuer came from outside (`discoverAuthorization`): each of its URLs must lead to the public internet. Default false. */
  readonly discovered?: boolean
  /** Lets metadata name endpoints on other hosts in private networks. Whoever can change the metadata can then make this process ask any of them. */
  readonly dangerouslyAllowPrivateAddresses?: boolean
  /** Given ones win over the metadata. With `authorization` or `token` given nothing is discovered, and PKCE with S256 is taken for supported. */
  readonly endpoints?: Endpoints
  /** As registered, or the URL of a document that `clientMetadataDocument` made. */
  readonly clientId: string
  /** Without one, and without `clientKey`, the client is public. */
  readonly clientSecret?: string
  /** How the secret is sent. Default: `basic`, or `post` where the metadata allows only that. */
  readonly clientAuth?: 'basic' | 'post'
  /** Authenticates by `private_key_jwt` (RFC 7523) instead of a secret. */
  readonly clientKey?: ClientKey
  /** Binds every token to a key of this client (RFC 9449). Default false. */
  readonly dpop?: boolean
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

/** What tokens are asked for. */
export interface Wanted {
  /** Default: those of the client. */
  readonly scopes?: readonly string[]
  /** Default: that of the client. */
  readonly resource?: string
}

/** What has to be kept, for one user and one sign-in, between the redirect and the callback. */
export interface PendingAuthorization {
  readonly state: string
  readonly codeVerifier: string
  /** With the scope `openid` only. */
  readonly nonce?: string
  /** What the tokens will be for. */
  readonly resource?: string
  /** What was asked for. */
  readonly scopes?: readonly string[]
}

export interface AuthorizationRequest extends PendingAuthorization {
  /** Where to send the user's browser. */
  readonly url: string
}

/** What the user of a device without a browser is told (RFC 8628 section 3.2). */
export interface DevicePrompt {
  readonly userCode: string
  /** `https:`, or `http:` on loopback. */
  readonly verificationUri: string
  /** The same with the code in it. */
  readonly verificationUriComplete?: string
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number
}

export interface DeviceFlowOptions extends Wanted {
  /** Tells the user; polling begins when it is done. */
  readonly prompt: (prompt: DevicePrompt) => void | Promise<void>
  readonly signal?: AbortSignal
  /** Waits between two questions. Default: a timer. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** RFC 8693 section 2.1. Types default to `urn:ietf:params:oauth:token-type:access_token`. */
export interface ExchangeOptions extends Wanted {
  readonly subjectToken: string
  readonly subjectTokenType?: string
  readonly actorToken?: string
  readonly actorTokenType?: string
  /** Logical name of the service, beside or instead of `resource`. */
  readonly audience?: string
  readonly requestedTokenType?: string
}

export interface OAuthClient {
  /**
   * Begins the authorization code flow (RFC 6749 section 4.1) with PKCE S256 and a random state; a state of your own has 16 to 1,024 characters.
   * Throws `ERR_OAUTH2_UNSUPPORTED` for a server that does not say that it does S256.
   */
  authorizationUrl(options?: Wanted & { readonly state?: string }): Promise<AuthorizationRequest>
  /**
   * Ends the flow: `callback` is the URL that the browser came back to, or its query. Compares the state, then the issuer (RFC 9207), then
   * redeems the code. The same callback again gives the same tokens until they expire.
   * Throws `ERR_OAUTH2_STATE`, `ERR_OAUTH2_ISSUER`, `ERR_OAUTH2_DENIED` (its `error` says why).
   */
  exchangeCode(callback: URL | string | URLSearchParams, pending: PendingAuthorization): Promise<TokenSet>
  /** New tokens for a refresh token; callers at the same time, and within 10 s, share one answer, so that rotation harms none of them. */
  refresh(refreshToken: string | TokenSet): Promise<TokenSet>
  /** Tokens of the client itself (RFC 6749 section 4.4), kept until a little before they expire; not the access token `instead` of which others are wanted. */
  clientCredentials(options?: Wanted & { readonly instead?: string }): Promise<TokenSet>
  /**
   * Tokens for a program that has no browser (RFC 8628): asks for a code, has the user told, and polls until they decided.
   * Throws `ERR_OAUTH2_DENIED` (`access_denied`, `expired_token`), and the signal's reason when that is aborted.
   */
  deviceFlow(options: DeviceFlowOptions): Promise<TokenSet>
  /** A token for another one (RFC 8693). The answer is not kept. */
  exchangeToken(options: ExchangeOptions): Promise<TokenSet>
  /** Revokes an access or refresh token (RFC 7009); of a token set, the refresh token if it has one. */
  revoke(token: string | TokenSet): Promise<void>
  /** With `dpop`: a proof for one request (RFC 9449 section 4.2). Throws `ERR_OAUTH2_OPTIONS` without. */
  dpopProof(request: {
    readonly method: string
    readonly url: string
    readonly accessToken?: string
    readonly nonce?: string
  }): Promise<string>
  /** What tokens of this client may be kept under: never the same for another server, client or resource. */
  readonly storeKey: string
  /** Ends idle connections. */
  close(): void
}
