import * as oauth from 'oauth4webapi'
import { invalid } from '../../checks.ts'
import { needEndpoint } from '../authorization-server.ts'
import { translated } from '../client-errors.ts'
import type { OAuthClient } from '../client-types.ts'
import type { SharedCalls } from '../shared-calls.ts'
import type { TokenSet } from '../token-set.ts'
import type { GrantContext } from './context.ts'

/** RFC 7009. `kept`: where an answer that holds the token may still be. */
export const revoke =
  (context: GrantContext, kept: readonly SharedCalls<TokenSet>[]): OAuthClient['revoke'] =>
  async (given) => {
    const token = typeof given === 'string' ? given : (given?.refreshToken ?? given?.accessToken)
    if (typeof token !== 'string' || token === '') throw invalid('revoke needs a token')
    const concerns = (tokens: TokenSet): boolean => tokens.accessToken === token || tokens.refreshToken === token
    for (const calls of kept) calls.forget(concerns)
    try {
      const found = await context.server()
      needEndpoint(found, 'revocation')
      const { as, client, auth, request } = found
      const { DPoP: _notHere, ...plain } = request
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, plain))
    } catch (error) {
      throw translated('revocation', error)
    }
  }
