import * as oauth from 'oauth4webapi'
import { invalid, optionalText, refuseUnknown } from '../../checks.ts'
import type { OAuthClient } from '../client-types.ts'
import type { SharedCalls } from '../shared-calls.ts'
import type { TokenSet } from '../token-set.ts'
import type { GrantContext } from './context.ts'

export const clientCredentials =
  (context: GrantContext, granted: SharedCalls<TokenSet>): OAuthClient['clientCredentials'] =>
  async (given = {}) => {
    refuseUnknown('clientCredentials options', given, ['scopes', 'resource', 'instead'])
    const { settings } = context
    if (settings.clientSecret === undefined && settings.key === undefined) {
      throw invalid('clientCredentials needs a clientSecret or a clientKey')
    }
    optionalText('instead', given.instead)
    if (given.instead !== undefined) granted.forget(({ accessToken }) => accessToken === given.instead)
    const { scopes, resource } = context.wanted(given)
    const parameters = {
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...(resource === undefined ? {} : { resource }),
    }
    return granted.run([resource ?? '', ...[...scopes].sort()], () =>
      context.tokens(
        'client credentials grant',
        { scopes, resource },
        ({ as, client, auth, request }) => oauth.clientCredentialsGrantRequest(as, client, auth, parameters, request),
        ({ as, client }, response) => oauth.processClientCredentialsResponse(as, client, response),
      ),
    )
  }
