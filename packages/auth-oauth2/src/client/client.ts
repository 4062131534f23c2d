import { invalid, refuseUnknown } from '../checks.ts'
import { createHttp } from '../http/http.ts'
import { createServer } from './authorization-server.ts'
import { readClientOptions } from './client-options.ts'
import type { OAuthClient, OAuthClientOptions } from './client-types.ts'
import { createDpopKey } from './dpop-key.ts'
import { authorizationUrl, exchangeCode } from './grants/authorization-code.ts'
import { clientCredentials } from './grants/client-credentials.ts'
import { createGrantContext } from './grants/context.ts'
import { deviceFlow } from './grants/device.ts'
import { exchangeToken } from './grants/exchange-token.ts'
import { refresh } from './grants/refresh.ts'
import { revoke } from './grants/revoke.ts'
import { createSharedCalls } from './shared-calls.ts'
import type { TokenSet } from './token-set.ts'

/** Answers to refreshes are shared for so long with those who come late with the old token. */
const REFRESH_SHARED_MS = 10_000
const MAX_EARLY_MS = 30_000
const MAX_KEPT = 256
const CODE_MS = 600_000

/**
 * An OAuth 2.1 client of one authorization server: authorization code with PKCE, refresh, client credentials, device flow, token exchange, revocation; tokens
 * bound to a key of its own with `dpop`. Not verified: signatures of ID tokens, which come over the connection to their issuer and are used for nothing.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const createOAuthClient = (options: OAuthClientOptions): OAuthClient => {
  const settings = readClientOptions(options)
  const { clock, issuer, clientId, resource, endpoints } = settings
  const http = createHttp(settings.fetch)
  const dpop = settings.dpop === true ? createDpopKey() : undefined
  const context = createGrantContext(settings, createServer(settings, http, dpop))

  const kept = (keepUntilMs: (tokens: TokenSet) => number) =>
    createSharedCalls<TokenSet>({ maxEntries: MAX_KEPT, keepUntilMs, clock })
  const endOf = (tokens: TokenSet): number => tokens.expiresAtMs ?? 0
  // A code lives for ten minutes at most (RFC 6749 section 4.1.2); a second redemption may cost the user all tokens of it.
  const exchanged = kept((tokens) => tokens.expiresAtMs ?? clock() + CODE_MS)
  const refreshed = kept(() => clock() + REFRESH_SHARED_MS)
  // A tenth of its life or half a minute before its end, whichever is later: a token must survive the way to where it is used.
  const granted = kept((tokens) => endOf(tokens) - Math.min(MAX_EARLY_MS, (endOf(tokens) - clock()) / 10))

  return {
    authorizationUrl: authorizationUrl(context),
    exchangeCode: exchangeCode(context, exchanged),
    refresh: refresh(context, refreshed),
    clientCredentials: clientCredentials(context, granted),
    deviceFlow: deviceFlow(context),
    exchangeToken: exchangeToken(context),
    revoke: revoke(context, [exchanged, refreshed, granted]),
    async dpopProof(request) {
      refuseUnknown('dpopProof', request, ['method', 'url', 'accessToken', 'nonce'])
      if (dpop === undefined) throw invalid('dpopProof needs a client with dpop')
      return dpop.prove(request, clock())
    },
    // Credentials of one server are never shown to another (RFC 9700 section 4.4), nor tokens for one resource.
    storeKey: JSON.stringify([
      issuer ?? endpoints.token?.href ?? endpoints.authorization?.href,
      clientId,
      resource ?? null,
    ]),
    close: http.close,
  }
}
