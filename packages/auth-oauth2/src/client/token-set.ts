import { inspect } from 'node:util'

/**
 * What a token endpoint answered. The tokens are not enumerable and are left out by `JSON.stringify`, `console.log` and spreading, so that they
 * do not end in a log by accident; read them by name.
 */
export interface TokenSet {
  readonly accessToken: string
  /** `bearer`, in lower case. */
  readonly tokenType: string
  /** Milliseconds since the epoch; absent where the server does not tell. */
  readonly expiresAtMs?: number
  readonly refreshToken?: string
  /** What was granted; what was asked for where the server does not tell (RFC 6749 section 5.1). */
  readonly scopes: readonly string[]
  /** What it was asked for (RFC 8707); a refresh asks for the same. */
  readonly resource?: string
}

export const createTokenSet = (tokens: TokenSet): TokenSet => {
  const { accessToken, refreshToken, tokenType, expiresAtMs, scopes, resource } = tokens
  const shown = {
    tokenType,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    scopes: Object.freeze([...scopes]),
    ...(resource === undefined ? {} : { resource }),
  }
  const printed = {
    ...shown,
    accessToken: '[hidden]',
    ...(refreshToken === undefined ? {} : { refreshToken: '[hidden]' }),
  }
  const set = { ...shown }
  const hide = (name: string | symbol, value: unknown): void => {
    Object.defineProperty(set, name, { value, enumerable: false })
  }
  hide('accessToken', accessToken)
  if (refreshToken !== undefined) hide('refreshToken', refreshToken)
  hide('toJSON', () => printed)
  hide(inspect.custom, () => printed)
  return Object.freeze(set) as unknown as TokenSet
}
