import type { Credential } from '@portcullis/guard'
import type { IncomingMessage } from 'node:http'
import { header } from './headers.ts'

const scheme = /^(bearer|dpop) +/i
/** `b64token` (RFC 6750 section 2.1). */
const token = /^[A-Za-z0-9._~+/-]+=*$/
const maxLength = 16_384

/** Visible ASCII without spaces: what may stand in a header and be compared byte by byte. */
const printable = /^[\x21-\x7e]+$/

/**
 * The credential in the headers of a request: `Authorization: Bearer <text>` (or `DPoP`, for one that is bound to a key) or the API-key header. Both at once, another
 * scheme, or anything around the text makes it malformed: one request, one way to say who is calling.
 */
export const credentialOf = (request: IncomingMessage, keyHeader: string): Credential | 'malformed' | undefined => {
  const authorization = header(request, 'authorization')
  const key = header(request, keyHeader)
  if (authorization === undefined && key === undefined) return undefined
  if (authorization !== undefined && key !== undefined) return 'malformed'
  if (key !== undefined) {
    return key.length <= maxLength && printable.test(key) ? { source: 'api_key', text: key } : 'malformed'
  }
  const [written = '', name = ''] = scheme.exec(authorization as string) ?? []
  if (name === '') return 'malformed'
  const text = (authorization as string).slice(written.length)
  const source = name.toLowerCase() as 'bearer' | 'dpop'
  return text.length <= maxLength && token.test(text) ? { source, text } : 'malformed'
}
