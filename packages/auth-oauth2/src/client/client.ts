import * as oauth from 'oauth4webapi'
import { createServer, needEndpoint } from './authorization-server.ts'
import { readCallback } from './callback.ts'
import { invalid, refuseUnknown } from '../checks.ts'
import { translated } from './client-errors.ts'
import { readClientOptions, readScopes } from './client-options.ts'
import type { OAuthClient, OAuthClientOptions } from './client-types.ts'
import { OAuth2Error, quote } from '../errors.ts'
import { createHttp } from '../http/http.ts'
import { createSharedCalls } from './shared-calls.ts'
import { createTokenSet, type TokenSet } from './token-set.ts'
import { checkEndpoint } from '../http/url.ts'

/** Answers to refreshes are shared for so long with those who come late with the old token. */
const REFRESH_SHARED_MS = 10_000
const MAX_EARLY_MS = 30_000

/**
 * An OAuth 2.1 client of one authorization server: authorization code with PKCE, refresh, client credentials, revocation.
 * Not verified: signatures of ID tokens, which come over the connection to their issuer and are used for nothing.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const createOAuthClient = (options: OAuthClientOptions): OAuthClient => {
  const settings = readClientOptions(options)
  const { clock, redirectUri } = settings
  const http = createHttp(settings.fetch)
  const server = createServer(settings, http)

  const endOf = (tokens: TokenSet): number => tokens.expiresAtMs ?? 0
  const exchanged = createSharedCalls<TokenSet>({ maxEntries: 256, keepUntilMs: endOf, clock })
  const refreshed = createSharedCalls<TokenSet>({
    maxEntries: 256,
    keepUntilMs: () => clock() + REFRESH_SHARED_MS,
    clock,
  })
  const granted = createSharedCalls<TokenSet>({
    maxEntries: 256,
    // A tenth of its life or half a minute before its end, whichever is later: a token must survive the way to where it is used.
    keepUntilMs: (tokens) => endOf(tokens) - Math.min(MAX_EARLY_MS, (endOf(tokens) - clock()) / 10),
    clock,
  })

  /** `asked` is what the request was for, to be told where the answer does not. */
  const tokensOf = (
    answer: oauth.TokenEndpointResponse,
    startedAtMs: number,
    asked: {
      readonly scopes: readonly string[]
      readonly resource: string | undefined
      readonly refreshToken?: string
    },
  ): TokenSet => {
    const { resource } = asked
    // A token that is bound to a key is of no use to who cannot prove to have it.
    if (answer.token_type !== 'bearer') {
      throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `the token is of type ${quote(answer.token_type)}, not bearer`)
    }
    const refreshToken = answer.refresh_token ?? asked.refreshToken
    return createTokenSet({
      accessToken: answer.access_token,
      tokenType: answer.token_type,
      ...(answer.expires_in === undefined ? {} : { expiresAtMs: startedAtMs + answer.expires_in * 1000 }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
      scopes: answer.scope === undefined ? asked.scopes : answer.scope.split(' ').filter((scope) => scope !== ''),
      ...(resource === undefined ? {} : { resource }),
    })
  }

  const call = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw translated(what, error)
    }
  }

  const resourceOf = (given: string | undefined): string | undefined => {
    if (given !== undefined) checkEndpoint('resource', given)
    return given ?? settings.resource
  }

  const needRedirectUri = (): string => {
    if (redirectUri === undefined) throw invalid('the authorization code flow needs a redirectUri')
    return redirectUri
  }

  const authorizationUrl: OAuthClient['authorizationUrl'] = async (wanted = {}) => {
    refuseUnknown('authorizationUrl options', wanted, ['scopes', 'state', 'resource'])
    const scopes = readScopes(wanted.scopes ?? settings.scopes)
    const state = wanted.state ?? oauth.generateRandomState()
    if (typeof state !== 'string' || state.length < 16 || state.length > 1024) {
      throw invalid('state must have 16 to 1024 characters')
    }
    const redirect = needRedirectUri()
    const resource = resourceOf(wanted.resource)
    const found = await server()
    const url = new URL(needEndpoint(found, 'authorization'))
    if (!found.metadata.codeChallengeMethods.includes('S256')) {
      const problem = `${quote(found.as.issuer)} does not say that it supports PKCE with S256`
      throw new OAuth2Error('ERR_OAUTH2_UNSUPPORTED', problem)
    }
    const codeVerifier = oauth.generateRandomCodeVerifier()
    const nonce = scopes.includes('openid') ? oauth.generateRandomNonce() : undefined
    const parameters: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: settings.clientId,
      redirect_uri: redirect,
      scope: scopes.length === 0 ? undefined : scopes.join(' '),
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      resource,
      nonce,
      // OpenID Connect Core section 11: without it servers ignore the scope.
      prompt: scopes.includes('offline_access') ? 'consent' : undefined,
    }
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value)
    return {
      url: url.href,
      state,
      codeVerifier,
      ...(nonce === undefined ? {} : { nonce }),
      ...(resource === undefined ? {} : { resource }),
    }
  }

  const exchangeCode: OAuthClient['exchangeCode'] = async (callback, pending) => {
    refuseUnknown('pending', pending, ['state', 'codeVerifier', 'nonce', 'resource', 'url'])
    const { state, codeVerifier, nonce } = pending
    if (typeof state !== 'string' || state === '' || typeof codeVerifier !== 'string' || codeVerifier.length < 43) {
      throw invalid('pending must hold the state and codeVerifier of authorizationUrl')
    }
    const redirect = needRedirectUri()
    const resource = resourceOf(pending.resource)
    const found = await server()
    const { issParameter } = found.metadata
    const parameters = readCallback(callback, { state, issuer: settings.issuer, issParameter })
    return exchanged.run([state, codeVerifier, parameters.get('code') ?? ''], () =>
      call('code exchange', async () => {
        needEndpoint(found, 'token')
        const startedAtMs = clock()
        const { as, client, auth, request } = found
        const additionalParameters = resource === undefined ? {} : { resource }
        const checked = oauth.validateAuthResponse(as, client, parameters, state)
        const response = await oauth.authorizationCodeGrantRequest(as, client, auth, checked, redirect, codeVerifier, {
          ...request,
          additionalParameters,
        })
        const expectation = nonce === undefined ? {} : { expectedNonce: nonce }
        const answer = await oauth.processAuthorizationCodeResponse(as, client, response, expectation)
        return tokensOf(answer, startedAtMs, { scopes: settings.scopes, resource })
      }),
    )
  }

  const refresh: OAuthClient['refresh'] = async (given) => {
    const refreshToken = typeof given === 'string' ? given : given?.refreshToken
    if (typeof refreshToken !== 'string' || refreshToken === '') throw invalid('refresh needs a refresh token')
    const { scopes, resource = settings.resource } = typeof given === 'string' ? settings : given
    return refreshed.run([refreshToken], () =>
      call('refresh', async () => {
        const found = await server()
        needEndpoint(found, 'token')
        const startedAtMs = clock()
        const { as, client, auth, request } = found
        const additionalParameters = resource === undefined ? {} : { resource }
        const response = await oauth.refreshTokenGrantRequest(as, client, auth, refreshToken, {
          ...request,
          additionalParameters,
        })
        const answer = await oauth.processRefreshTokenResponse(as, client, response)
        return tokensOf(answer, startedAtMs, { scopes, resource, refreshToken })
      }),
    )
  }

  const clientCredentials: OAuthClient['clientCredentials'] = async (wanted = {}) => {
    refuseUnknown('clientCredentials options', wanted, ['scopes', 'resource'])
    if (settings.clientSecret === undefined) throw invalid('clientCredentials needs a clientSecret')
    const scopes = readScopes(wanted.scopes ?? settings.scopes)
    const resource = resourceOf(wanted.resource)
    return granted.run([resource ?? '', ...[...scopes].sort()], () =>
      call('client credentials grant', async () => {
        const found = await server()
        needEndpoint(found, 'token')
        const startedAtMs = clock()
        const { as, client, auth, request } = found
        const parameters = {
          ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
          ...(resource === undefined ? {} : { resource }),
        }
        const response = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, request)
        return tokensOf(await oauth.processClientCredentialsResponse(as, client, response), startedAtMs, {
          scopes,
          resource,
        })
      }),
    )
  }

  const revoke: OAuthClient['revoke'] = async (given) => {
    const token = typeof given === 'string' ? given : (given?.refreshToken ?? given?.accessToken)
    if (typeof token !== 'string' || token === '') throw invalid('revoke needs a token')
    const concerns = (tokens: TokenSet): boolean => tokens.accessToken === token || tokens.refreshToken === token
    for (const calls of [exchanged, refreshed, granted]) calls.forget(concerns)
    await call('revocation', async () => {
      const found = await server()
      needEndpoint(found, 'revocation')
      const { as, client, auth, request } = found
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, request))
    })
  }

  return { authorizationUrl, exchangeCode, refresh, clientCredentials, revoke, close: http.close }
}
