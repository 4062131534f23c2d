import * as oauth from 'oauth4webapi'
import { invalid, refuseUnknown } from '../../checks.ts'
import { OAuth2Error, quote } from '../../errors.ts'
import { needEndpoint } from '../authorization-server.ts'
import { readCallback } from '../callback.ts'
import type { OAuthClient } from '../client-types.ts'
import type { SharedCalls } from '../shared-calls.ts'
import type { TokenSet } from '../token-set.ts'
import type { GrantContext } from './context.ts'

const WANTED = ['scopes', 'state', 'resource']
const PENDING = ['state', 'codeVerifier', 'nonce', 'resource', 'scopes', 'url']

export const authorizationUrl =
  ({ settings, server, wanted, redirectUri }: GrantContext): OAuthClient['authorizationUrl'] =>
  async (given = {}) => {
    refuseUnknown('authorizationUrl options', given, WANTED)
    const { scopes, resource } = wanted(given)
    const state = given.state ?? oauth.generateRandomState()
    if (typeof state !== 'string' || state.length < 16 || state.length > 1024) {
      throw invalid('state must have 16 to 1024 characters')
    }
    const redirect = redirectUri()
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
      // RFC 9449 section 10: a stolen code is of no use without the key.
      dpop_jkt: await found.request.DPoP?.calculateThumbprint(),
    }
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value)
    return {
      url: url.href,
      state,
      codeVerifier,
      ...(nonce === undefined ? {} : { nonce }),
      ...(resource === undefined ? {} : { resource }),
      scopes,
    }
  }

export const exchangeCode =
  (context: GrantContext, exchanged: SharedCalls<TokenSet>): OAuthClient['exchangeCode'] =>
  async (callback, pending) => {
    refuseUnknown('pending', pending, PENDING)
    const { state, codeVerifier, nonce } = pending
    if (typeof state !== 'string' || state === '' || typeof codeVerifier !== 'string' || codeVerifier.length < 43) {
      throw invalid('pending must hold the state and codeVerifier of authorizationUrl')
    }
    const redirect = context.redirectUri()
    const { settings } = context
    const { resource, scopes } = context.wanted({
      ...(pending.resource === undefined ? {} : { resource: pending.resource }),
      ...(pending.scopes === undefined ? {} : { scopes: pending.scopes }),
    })
    const { issParameter } = (await context.server()).metadata
    const parameters = readCallback(callback, { state, issuer: settings.issuer, issParameter })
    const asked = { scopes, resource }
    return exchanged.run([state, codeVerifier, parameters.get('code') ?? ''], () =>
      context.tokens(
        'code exchange',
        asked,
        ({ as, client, auth, request }) =>
          oauth.authorizationCodeGrantRequest(
            as,
            client,
            auth,
            oauth.validateAuthResponse(as, client, parameters, state),
            redirect,
            codeVerifier,
            { ...request, additionalParameters: resource === undefined ? {} : { resource } },
          ),
        ({ as, client }, response) =>
          oauth.processAuthorizationCodeResponse(
            as,
            client,
            response,
            nonce === undefined ? {} : { expectedNonce: nonce },
          ),
      ),
    )
  }
