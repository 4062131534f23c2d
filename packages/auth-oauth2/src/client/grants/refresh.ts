import * as oauth from 'oauth4webapi'
import { invalid } from '../../checks.ts'
import type { OAuthClient } from '../client-types.ts'
import type { SharedCalls } from '../shared-calls.ts'
import type { TokenSet } from '../token-set.ts'
import type { GrantContext } from './context.ts'

export const refresh =
  (context: GrantContext, refreshed: SharedCalls<TokenSet>): OAuthClient['refresh'] =>
  async (given) => {
    const refreshToken = typeof given === 'string' ? given : given?.refreshToken
    if (typeof refreshToken !== 'string' || refreshToken === '') throw invalid('refresh needs a refresh token')
    const { scopes, resource = context.settings.resource } = typeof given === 'string' ? context.settings : given
    return refreshed.run([refreshToken, resource ?? ''], () =>
      context.tokens(
        'refresh',
        { scopes, resource, refreshToken },
        ({ as, client, auth, request }) =>
          oauth.refreshTokenGrantRequest(as, client, auth, refreshToken, {
            ...request,
            additionalParameters: resource === undefined ? {} : { resource },
          }),
        ({ as, client }, response) => oauth.processRefreshTokenResponse(as, client, response),
      ),
    )
  }
