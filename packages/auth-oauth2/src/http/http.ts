import { OAuth2Error, unavailable } from '../errors.ts'
import type { HttpRequest, HttpResponse } from './http-types.ts'
import { createNodeHttp } from './node-http.ts'
import { checkHost } from './public-host.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { FetchFunction } from '../types.ts'

export interface Http {
  /**
   * One request; redirects are answers like any other. Throws OAuth2Error `ERR_OAUTH2_UNAVAILABLE`, `ERR_OAUTH2_RESPONSE` (too large),
   * `ERR_OAUTH2_METADATA` (a URL from outside that leads to a private address; with a `fetch` of the caller's names are not resolved here).
   */
  send(request: HttpRequest): Promise<HttpResponse>
  close(): void
}

export const createHttp = (fetch: FetchFunction | undefined): Http => {
  const node = fetch === undefined ? createNodeHttp() : undefined
  const send = node === undefined ? overFetch(fetch as FetchFunction) : node.send
  return {
    send: async (request) => {
      try {
        if (request.foreign === true) checkHost(request.url)
        return await send(request)
      } catch (error) {
        if (error instanceof OAuth2Error) throw error
        throw unavailable(`${request.method} ${request.url.origin}${request.url.pathname}`, error, 1000)
      }
    },
    close: () => node?.close(),
  }
}

const overFetch =
  (fetch: FetchFunction) =>
  async (request: HttpRequest): Promise<HttpResponse> => {
    const { url, method, headers, body, maxBytes, timeoutMs } = request
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url.href, {
      method,
      headers,
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body }),
    })
    const chunks: Uint8Array[] = []
    let length = 0
    if (response.body !== null) {
      // Leaving the loop cancels the stream, so that the rest of a huge answer is never read.
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        length += chunk.byteLength
        if (length > maxBytes) {
          throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `the answer is larger than ${maxBytes} bytes`)
        }
        chunks.push(chunk)
      }
    }
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      body: Buffer.concat(chunks),
    }
  }

/** What a status other than 200 means: an outage for 408, 429 and 5xx, else an answer that makes no sense. */
export const statusError = (what: string, response: HttpResponse): OAuth2Error => {
  const { status } = response
  const message = `${what} answered ${status}`
  if (status < 500 && status !== 429 && status !== 408) return new OAuth2Error('ERR_OAUTH2_RESPONSE', message)
  const seconds = Number(response.header('retry-after') ?? '1')
  const retryAfterMs = Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, 60) * 1000 : 1000
  return new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', message, { retryAfterMs })
}

/**
 * The JSON object of a 200 answer.
 * @throws OAuth2Error `ERR_OAUTH2_UNAVAILABLE`, `ERR_OAUTH2_RESPONSE`
 */
export const jsonOf = (what: string, response: HttpResponse): Readonly<Record<string, unknown>> => {
  if (response.status !== 200) throw statusError(what, response)
  const value = parseStrictObject(response.body)
  if (value === undefined) throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `${what} did not answer a JSON object`)
  return value
}
