import type { Action, Decision, Principal } from '@portcullis/authz'

/** What an authenticator may know of the caller besides the credential. */
export interface AuthContext {
  /** The client's address in canonical form; absent on stdio. */
  readonly address?: string
  readonly transport: 'http' | 'stdio'
  /** `dpop`: the credential was shown as one that is bound to a key (RFC 9449 section 7.1). Absent: as a bearer credential. */
  readonly scheme?: 'dpop'
  /** The proof that came with it, and what it must be for. */
  readonly dpop?: { readonly proof: string | undefined; readonly method: string; readonly url: string }
  /** The client's certificate in DER, of a connection whose peer has proven to hold its key. */
  readonly clientCertificate?: Uint8Array | undefined
  /** The caller proved possession when the stream was opened that is looked at again now; a proof is used once. */
  readonly proven?: boolean
}

export type VerifyResult =
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false
      readonly reason: string
      /** The credential is good, and with these scopes it would be enough. */
      readonly missingScopes?: readonly string[]
    }

/**
 * Port: verifies one credential. Refusals are values; a store or server that cannot be asked is a thrown error with
 * `fault: 'unavailable'`.
 */
export interface CredentialVerifier {
  /** Of keys: only what is `unknown` or `malformed` may be shown to another verifier; every other reason says that the text is a key. */
  verify(credential: string, context: AuthContext): VerifyResult | Promise<VerifyResult>
  /** Whether the text has this verifier's own shape, so that it must never be shown to another one. */
  looksLikeKey?(text: string): boolean
}

/** One credential as a transport found it. `source` says where, because an `X-API-Key` is never an OAuth token. */
export interface Credential {
  readonly source: 'bearer' | 'dpop' | 'api_key' | 'in_band_api_key' | 'in_band_oauth2'
  readonly text: string
}

/** A caller who asks to be authenticated. */
export interface AuthRequest extends AuthContext {
  /** `undefined`: none was sent. `malformed`: something was, and it is not one well-formed credential. */
  readonly credential: Credential | 'malformed' | undefined
  /** A header of the request by lower-case name; absent on stdio. For custom authenticators. */
  readonly header?: (name: string) => string | undefined
}

/** A custom authenticator: the caller's principal, or `undefined` when it does not recognise the caller. */
export type CustomAuthenticator = (request: AuthRequest) => Principal | undefined | Promise<Principal | undefined>

export interface AuthenticationOptions {
  readonly apiKeys?: CredentialVerifier
  readonly oauth2?: CredentialVerifier
  readonly custom?: CustomAuthenticator
  /** Grants of callers without a credential. Default none: they are refused. */
  readonly anonymous?: readonly string[]
  /**
   * Everybody is the anonymous principal with every right, whatever credential is sent. For development on one machine.
   * @deprecated To make it stand out as something that does not belong on a network.
   */
  readonly dangerouslyAllowEveryone?: boolean
}

/** Port: who may do what. `@portcullis/authz` has it as `createPolicy`. */
export interface Authorizer {
  decide(principal: Principal, action: Action): Decision
  allowsTemplate(principal: Principal, server: string, uriTemplate: string): boolean
}

export interface LimitResult {
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly retryAfterMs: number
  /** The name of the limit that this result speaks of. */
  readonly policy: string
  /** Its window, for the `RateLimit-Policy` field. */
  readonly windowMs?: number
}

/** Port: counts. All named limits are charged together or not at all. `@portcullis/ratelimit` satisfies it. */
export interface Limiter {
  check(key: string, options: { cost?: number; limits?: readonly string[] }): LimitResult | Promise<LimitResult>
}

export interface Finding {
  readonly ruleId: string
  readonly pointer: string
  readonly message: string
  readonly enforced: boolean
}

/** Port: looks at text before it is parsed, at arguments before they are used, at results before they leave. */
export interface RequestValidator {
  checkText(raw: string): readonly Finding[]
  checkCall(call: {
    server: string
    tool: string
    arguments: Readonly<Record<string, unknown>>
  }): readonly Finding[] | Promise<readonly Finding[]>
  /** Without `protectResult`: an answer with an enforced finding is withheld. */
  checkResult?(answer: { server: string; tool?: string; result: unknown }): readonly Finding[]
  /** What may be sent of an answer: secrets taken out, say; `withheld`: nothing. */
  protectResult?(answer: { server: string; tool?: string; result: unknown }): ProtectedAnswer
}

export interface ProtectedAnswer {
  /** The same object where nothing had to be changed. */
  readonly result: unknown
  readonly withheld: boolean
  readonly findings: readonly Finding[]
}

export interface AuditEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** Port: resolves when the event is where it must be; rejects when it cannot be written. */
export interface AuditSink {
  record(event: AuditEvent): Promise<void>
}

/** Port: addresses that are refused before anything is looked at. */
export interface AddressList {
  has(address: string): boolean
}
