import { type Refusal, type RequestId, type Revision, toResponse } from '@portcullis/guard'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { challengeOf, type Guidance } from './challenge.ts'
import { limitHeaders } from './limit-headers.ts'

/** An answer that is text. `X-Content-Type-Options` and `no-store` keep browsers from guessing and proxies from keeping. */
export const reply = (
  response: ServerResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
  type = 'application/json',
): void => {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(text)
}

export const replyEmpty = (response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void => {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-length': 0, ...headers })
  response.end()
}

/** A refusal as HTTP says it: status, challenge, time to wait, JSON-RPC body. */
export const replyRefusal = (
  response: ServerResponse,
  refusal: Refusal,
  id: RequestId | null = null,
  extra: OutgoingHttpHeaders = {},
  told: { readonly revision?: Revision; readonly guidance?: (() => Guidance) | undefined } = {},
): void => {
  const { challenge, limit, retryAfterMs } = refusal
  reply(response, refusal.status, JSON.stringify(toResponse(refusal, id, told.revision)), {
    ...(challenge === undefined ? {} : { 'www-authenticate': challengeOf(challenge, told.guidance?.()) }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(limit === undefined ? {} : limitHeaders(limit)),
    ...extra,
  })
}
