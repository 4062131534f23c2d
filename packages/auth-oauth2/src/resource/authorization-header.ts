import { MAX_TOKEN_CHARS } from '../token/compact.ts'

/** A token as a request shows it. */
export interface ShownToken {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/** Scheme, one space or more, `b64token` (RFC 6750 section 2.1, RFC 9110 section 11.4), and nothing else. */
const shown = /^(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)$/i

/** Reads the only `Authorization` header of a request. Undefined for what shows no token, or more than one. */
export const parseAuthorization = (header: unknown): ShownToken | undefined => {
  if (typeof header !== 'string' || header.length > MAX_TOKEN_CHARS + 16) return undefined
  const [, scheme = '', token = ''] = shown.exec(header) ?? []
  if (token === '' || token.length > MAX_TOKEN_CHARS) return undefined
  return { scheme: scheme.toLowerCase() as ShownToken['scheme'], token }
}
