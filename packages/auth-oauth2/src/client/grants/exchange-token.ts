import * as oauth from 'oauth4webapi'
import { invalid, optionalText, refuseUnknown } from '../../checks.ts'
import type { OAuthClient } from '../client-types.ts'
import type { GrantContext } from './context.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const FIELDS = [
  'subjectToken',
  'subjectTokenType',
  'actorToken',
  'actorTokenType',
  'audience',
  'requestedTokenType',
  'scopes',
  'resource',
]

/** RFC 8693 section 2. */
export const exchangeToken =
  (context: GrantContext): OAuthClient['exchangeToken'] =>
  async (given) => {
    refuseUnknown('exchangeToken options', given, FIELDS)
    const { subjectToken, subjectTokenType = ACCESS_TOKEN, actorToken, audience, requestedTokenType } = given
    if (typeof subjectToken !== 'string' || subjectToken === '') throw invalid('exchangeToken needs a subjectToken')
    for (const name of [
      'subjectTokenType',
      'actorToken',
      'actorTokenType',
      'audience',
      'requestedTokenType',
    ] as const) {
      optionalText(name, given[name])
    }
    const { scopes, resource } = context.wanted(given)
    const parameters = {
      subject_token: subjectToken,
      subject_token_type: subjectTokenType,
      ...(actorToken === undefined
        ? {}
        : { actor_token: actorToken, actor_token_type: given.actorTokenType ?? ACCESS_TOKEN }),
      ...(audience === undefined ? {} : { audience }),
      ...(requestedTokenType === undefined ? {} : { requested_token_type: requestedTokenType }),
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...(resource === undefined ? {} : { resource }),
    }
    return context.tokens(
      'token exchange',
      { scopes, resource },
      ({ as, client, auth, request }) =>
        oauth.genericTokenEndpointRequest(as, client, auth, GRANT, parameters, request),
      ({ as, client }, response) => oauth.processGenericTokenEndpointResponse(as, client, response),
    )
  }
