import * as oauth from 'oauth4webapi'
import { invalid } from '../../checks.ts'
import { OAuth2Error, quote } from '../../errors.ts'
import { checkEndpoint } from '../../http/url.ts'
import { needEndpoint, type Server } from '../authorization-server.ts'
import { translated } from '../client-errors.ts'
import { type ClientSettings, readScopes } from '../client-options.ts'
import type { Wanted } from '../client-types.ts'
import { createTokenSet, type TokenSet } from '../token-set.ts'

/** What a request was for, to be told where the answer does not. */
export interface Asked {
  readonly scopes: readonly string[]
  readonly resource: string | undefined
  readonly refreshToken?: string
}

/** What every grant needs. */
export interface GrantContext {
  readonly settings: ClientSettings
  server(): Promise<Server>
  wanted(given: Wanted): { readonly scopes: readonly string[]; readonly resource: string | undefined }
  redirectUri(): string
  /** Asks the token endpoint, and once more where the server wants its nonce in the proof (RFC 9449 section 8). Every failure is an OAuth2Error. */
  tokens(
    what: string,
    asked: Asked,
    request: (server: Server) => Promise<Response>,
    process: (server: Server, response: Response) => Promise<oauth.TokenEndpointResponse>,
  ): Promise<TokenSet>
}

export const createGrantContext = (settings: ClientSettings, server: () => Promise<Server>): GrantContext => {
  const { clock } = settings
  const tokenType = settings.dpop === true ? 'dpop' : 'bearer'

  const tokensOf = (answer: oauth.TokenEndpointResponse, startedAtMs: number, asked: Asked): TokenSet => {
    const { resource } = asked
    // A token that is bound to a key is of no use to who cannot prove to have it, and one that is not to who asked for one: it could be stolen.
    if (answer.token_type !== tokenType) {
      throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `the token is of type ${quote(answer.token_type)}, not ${tokenType}`)
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

  return {
    settings,
    server,
    wanted(given) {
      if (given.resource !== undefined) checkEndpoint('resource', given.resource)
      return { scopes: readScopes(given.scopes ?? settings.scopes), resource: given.resource ?? settings.resource }
    },
    redirectUri() {
      if (settings.redirectUri === undefined) throw invalid('the authorization code flow needs a redirectUri')
      return settings.redirectUri
    },
    async tokens(what, asked, request, process) {
      try {
        const found = await server()
        needEndpoint(found, 'token')
        const startedAtMs = clock()
        const attempt = async () => process(found, await request(found))
        const answer = await attempt().catch((error: unknown) => {
          if (!oauth.isDPoPNonceError(error)) throw error
          return attempt()
        })
        return tokensOf(answer, startedAtMs, asked)
      } catch (error) {
        throw translated(what, error)
      }
    },
  }
}
