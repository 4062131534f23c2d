import { invalid, optionalFunction, refuseUnknown } from '../checks.ts'
import { OAuth2Error } from '../errors.ts'
import { checkEndpoint } from '../http/url.ts'
import { isScope } from '../token/scopes.ts'
import { type Challenge, parseChallenges } from './challenges.ts'
import type { OAuthClient } from './client-types.ts'
import type { TokenSet } from './token-set.ts'
import { memoryTokenStore, type TokenStore } from './token-store.ts'

export interface AuthorizedFetchOptions {
  readonly client: OAuthClient
  /** The server that the tokens are for. They are sent to no other origin. */
  readonly resource: string
  /**
   * Gets tokens with these scopes, by whatever flow suits: `client.clientCredentials`, a browser, a device. Called for the first token, when refreshing is not
   * possible, and to step up: then with all scopes that are held and those that the server asks for.
   * `instead`: the access token that is of no use any more, for `clientCredentials`, which keeps its answers.
   */
  readonly authorize: (wanted: { readonly scopes: readonly string[]; readonly instead?: string }) => Promise<TokenSet>
  /** Scopes to begin with. */
  readonly scopes?: readonly string[]
  /** Where tokens are kept. Default `memoryTokenStore()`. */
  readonly store?: TokenStore
  /** How often one request may step up: 0 to 5, default 2. */
  readonly maxStepUps?: number
  readonly fetch?: typeof fetch
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly clock?: () => number
}

const FIELDS = ['client', 'resource', 'authorize', 'scopes', 'store', 'maxStepUps', 'fetch', 'clock']
const EARLY_MS = 10_000
const MAX_SCOPES = 100

/**
 * A `fetch` that shows a token: gets the first one, refreshes it ahead of its end and after a 401, answers a server that wants its nonce in the proof, and steps
 * up when a server says which scopes are lacking (403 `insufficient_scope`): it asks for the union of those and the held ones, never for the same
 * twice. A body must be repeatable (text or bytes, no stream). Redirects are not followed.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const createAuthorizedFetch = (options: AuthorizedFetchOptions): typeof fetch => {
  refuseUnknown('createAuthorizedFetch options', options, FIELDS)
  const { client, authorize, store = memoryTokenStore(), maxStepUps = 2, clock = Date.now } = options
  if (typeof authorize !== 'function') throw invalid('createAuthorizedFetch needs authorize')
  optionalFunction('fetch', options.fetch)
  if (!Number.isInteger(maxStepUps) || maxStepUps < 0 || maxStepUps > 5) throw invalid('maxStepUps must be 0 to 5')
  const send = options.fetch ?? fetch
  const { origin } = checkEndpoint('resource', options.resource)
  // One client may have tokens for several resources.
  const key = JSON.stringify([client.storeKey, options.resource])
  const wantedScopes = new Set(options.scopes ?? [])
  let nonce: string | undefined
  let getting: Promise<TokenSet> | undefined

  const isFresh = ({ expiresAtMs }: TokenSet): boolean => expiresAtMs === undefined || clock() < expiresAtMs - EARLY_MS

  /** One at a time, so that callers share a refresh and a sign-in. */
  const obtain = (work: (held: TokenSet | undefined) => Promise<TokenSet>): Promise<TokenSet> => {
    const before = getting?.catch(() => undefined)
    const mine = (async () => {
      await before
      const held = await store.load(key)
      const tokens = await work(held)
      if (tokens.resource !== undefined && new URL(tokens.resource).origin !== origin) {
        throw invalid(`the tokens are for another server than ${origin}`)
      }
      if (tokens !== held) await store.save(key, tokens)
      return tokens
    })()
    getting = mine
    return mine
  }

  const refreshed = async (held: TokenSet): Promise<TokenSet | undefined> => {
    if (held.refreshToken === undefined) return undefined
    try {
      return await client.refresh(held)
    } catch (error) {
      // The refresh token has ended; an outage is told as such.
      if (error instanceof OAuth2Error && error.code === 'ERR_OAUTH2_DENIED') return undefined
      throw error
    }
  }

  const anew = (held?: TokenSet) => {
    const scopes = [...wantedScopes]
    return authorize(held === undefined ? { scopes } : { scopes, instead: held.accessToken })
  }
  const current = (refusedToken?: string) =>
    obtain(async (held) => {
      if (held === undefined) return anew()
      if (held.accessToken !== refusedToken && isFresh(held)) return held
      return (await refreshed(held)) ?? anew(held)
    })

  /** With at least these scopes, unless somebody else has stepped up meanwhile. */
  const steppedUp = (lacking: readonly string[], refusedToken: string): Promise<TokenSet> =>
    obtain(async (held) => {
      if (held !== undefined && held.accessToken !== refusedToken) return held
      for (const scope of [...(held?.scopes ?? []), ...lacking]) {
        if (wantedScopes.size < MAX_SCOPES) wantedScopes.add(scope)
      }
      return anew(held)
    })

  const attempt = async (url: string, init: RequestInit, tokens: TokenSet): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (tokens.tokenType === 'dpop') {
      const { accessToken } = tokens
      const method = (init.method ?? 'GET').toUpperCase()
      headers.set('authorization', `DPoP ${accessToken}`)
      headers.set(
        'dpop',
        await client.dpopProof({ method, url, accessToken, ...(nonce === undefined ? {} : { nonce }) }),
      )
    } else headers.set('authorization', `Bearer ${tokens.accessToken}`)
    const response = await send(url, { ...init, headers, redirect: 'manual' })
    nonce = response.headers.get('dpop-nonce') ?? nonce
    return response
  }

  return async (input, init = {}) => {
    if (input instanceof Request) throw invalid('give a URL and its options, not a Request')
    if (init.body instanceof ReadableStream) throw invalid('the body must be repeatable')
    const url = String(input)
    if (!URL.canParse(url) || new URL(url).origin !== origin) {
      throw invalid(`the tokens are for ${origin} and are sent nowhere else`)
    }
    let tokens = await current()
    const asked = new Set<string>()
    let stepUps = 0
    let renewed = false
    let nonces = 0
    for (;;) {
      const response = await attempt(url, init, tokens)
      const problem = problemOf(response)
      if (problem === undefined) return response
      if (problem.error === 'use_dpop_nonce' && nonces++ < 1) {
        await response.body?.cancel()
        continue
      }
      if (response.status === 401 && !renewed && problem.error !== 'use_dpop_nonce') {
        renewed = true
        await response.body?.cancel()
        tokens = await current(tokens.accessToken)
        continue
      }
      const lacking = problem.scopes.filter((scope) => !tokens.scopes.includes(scope) && !asked.has(scope))
      const asksMore = response.status === 403 && problem.error === 'insufficient_scope' && lacking.length > 0
      if (!asksMore || stepUps++ >= maxStepUps) return response
      for (const scope of lacking) asked.add(scope)
      await response.body?.cancel()
      tokens = await steppedUp(lacking, tokens.accessToken)
    }
  }
}

interface Problem {
  readonly error: string | undefined
  readonly scopes: readonly string[]
}

/** What the server says about the token; undefined for an answer that is about something else. */
const problemOf = ({ status, headers }: Response): Problem | undefined => {
  if (status !== 401 && status !== 403) return undefined
  const challenges = parseChallenges(headers.get('www-authenticate') ?? '')
  const shown = challenges.filter(({ scheme }) => scheme === 'dpop' || scheme === 'bearer')
  const ours: Challenge | undefined = shown.find(({ parameters }) => parameters['error'] !== undefined) ?? shown[0]
  if (ours === undefined) return status === 401 ? { error: undefined, scopes: [] } : undefined
  const { error, scope = '' } = ours.parameters
  return { error, scopes: scope.split(' ').filter((one) => isScope(one) && one !== 'offline_access') }
}
