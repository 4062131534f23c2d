import { invalid } from '../checks.ts'
import { OAuth2Error } from '../errors.ts'
import type { Refusal, TokenVerifier, VerifyContext } from '../types.ts'

/** What the official SDKs call `AuthInfo`. */
export interface SdkAuthInfo {
  token: string
  clientId: string
  scopes: string[]
  expiresAt?: number
  resource?: URL
  extra?: Record<string, unknown>
}

/** `OAuthTokenVerifier` of either SDK. */
export interface SdkVerifier {
  verifyAccessToken(token: string): Promise<SdkAuthInfo>
}

type Make = new (message: string) => Error

/**
 * The SDK's own error classes, since its middleware tells 401, 403 and 500 by them: of v1 the exports of `@modelcontextprotocol/sdk/server/auth/errors.js`, of
 * v2 `OAuthError` of `@modelcontextprotocol/server`.
 */
export type SdkErrors =
  | { readonly InvalidTokenError: Make; readonly InsufficientScopeError: Make; readonly ServerError: Make }
  | { readonly OAuthError: new (code: string, message: string) => Error }

/** For a token whose issuer does not tell when it ends the SDKs want a time all the same: a new one for each request. */
const UNKNOWN_END_SEC = 60

const makerOf = (
  errors: SdkErrors,
): ((code: 'invalid_token' | 'insufficient_scope' | 'server_error', message: string) => Error) => {
  if ('InvalidTokenError' in errors) {
    const { InvalidTokenError, InsufficientScopeError, ServerError } = errors
    const classes = {
      invalid_token: InvalidTokenError,
      insufficient_scope: InsufficientScopeError,
      server_error: ServerError,
    }
    return (code, message) => new classes[code](message)
  }
  if (typeof errors?.OAuthError !== 'function') throw invalid('sdkVerifier needs the error classes of an SDK')
  return (code, message) => new errors.OAuthError(code, message)
}

/**
 * A verifier for the SDKs' `requireBearerAuth`: 401 for every bad token, in the same words; 403 where scopes are missing; 500, never 401, for an
 * authorization server that cannot be asked. Tokens bound to a key or certificate are refused: the SDKs hand over the token alone.
 * @param errors the SDK's own error classes
 * @param resource reported as the token's, for the SDK's `expectedResource`
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const sdkVerifier = (
  verifier: Pick<TokenVerifier, 'verify'>,
  errors: SdkErrors,
  options: { readonly resource?: string; readonly context?: VerifyContext; readonly clock?: () => number } = {},
): SdkVerifier => {
  const make = makerOf(errors)
  const resource = options.resource === undefined ? undefined : new URL(options.resource)
  const { clock = Date.now } = options

  const refusal = (result: Refusal): Error =>
    result.reason === 'insufficient_scope'
      ? make('insufficient_scope', 'The token lacks the scopes to connect.')
      : make('invalid_token', 'The access token is not valid.')

  return {
    async verifyAccessToken(token) {
      let result: Awaited<ReturnType<TokenVerifier['verify']>>
      try {
        result = await verifier.verify(token, options.context)
      } catch (error) {
        if (!(error instanceof OAuth2Error)) throw error
        throw Object.assign(make('server_error', 'The authorization server cannot be asked now.'), { cause: error })
      }
      if (!result.ok) throw refusal(result)
      const { principal } = result
      const { clientId, subject, scopes } = principal.claims
      const expiresAtMs = principal.expiresAtMs ?? clock() + UNKNOWN_END_SEC * 1000
      return {
        token,
        clientId: clientId ?? subject ?? '',
        scopes: [...scopes],
        expiresAt: Math.floor(expiresAtMs / 1000),
        ...(resource === undefined ? {} : { resource }),
        extra: { principal },
      }
    },
  }
}
