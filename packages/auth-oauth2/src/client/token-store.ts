import { OAuth2Error } from '../errors.ts'
import { createTokenSet, type TokenSet } from './token-set.ts'

/**
 * Port: keeps tokens between runs of a program. What is kept is a secret: `toJson` gives it as text, for a file that is encrypted, a keychain, or the like.
 * `key` is a client's `storeKey`.
 */
export interface TokenStore {
  load(key: string): Promise<TokenSet | undefined>
  save(key: string, tokens: TokenSet): Promise<void>
  delete(key: string): Promise<void>
}

/** Keeps tokens in this process. */
export const memoryTokenStore = (): TokenStore => {
  const kept = new Map<string, TokenSet>()
  return {
    load: async (key) => kept.get(key),
    save: async (key, tokens) => void kept.set(key, tokens),
    delete: async (key) => void kept.delete(key),
  }
}

/** A text store, such as a sealed file: one text a key. */
export interface TextStore {
  get(key: string): Promise<string | undefined>
  set(key: string, text: string): Promise<void>
  delete(key: string): Promise<void>
}

/** Keeps tokens wherever text can be kept. What it says of a text that is none of ours: OAuth2Error `ERR_OAUTH2_OPTIONS`, without the text. */
export const tokenStoreOver = (texts: TextStore): TokenStore => ({
  async load(key) {
    const text = await texts.get(key)
    return text === undefined ? undefined : parseTokens(text)
  },
  save: (key, tokens) => texts.set(key, serializeTokens(tokens)),
  delete: (key) => texts.delete(key),
})

const serializeTokens = ({ accessToken, refreshToken, tokenType, expiresAtMs, scopes, resource }: TokenSet): string =>
  JSON.stringify({ v: 1, accessToken, refreshToken, tokenType, expiresAtMs, scopes, resource })

const parseTokens = (text: string): TokenSet => {
  const damaged = (): OAuth2Error => new OAuth2Error('ERR_OAUTH2_OPTIONS', 'the kept tokens cannot be read')
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text) as Record<string, unknown>
  } catch {
    throw damaged()
  }
  if (typeof value !== 'object' || value === null) throw damaged()
  const { v, accessToken, refreshToken, tokenType, expiresAtMs, scopes, resource } = value
  const optional = (one: unknown, type: string): boolean => one === undefined || typeof one === type
  const whole =
    v === 1 &&
    typeof accessToken === 'string' &&
    typeof tokenType === 'string' &&
    Array.isArray(scopes) &&
    scopes.every((scope) => typeof scope === 'string') &&
    optional(refreshToken, 'string') &&
    optional(expiresAtMs, 'number') &&
    optional(resource, 'string')
  if (!whole) throw damaged()
  return createTokenSet({
    accessToken,
    tokenType,
    scopes,
    ...(refreshToken === undefined ? {} : { refreshToken: refreshToken as string }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs: expiresAtMs as number }),
    ...(resource === undefined ? {} : { resource: resource as string }),
  })
}
