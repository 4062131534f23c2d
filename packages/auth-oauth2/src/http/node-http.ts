import * as http from 'node:http'
import * as https from 'node:https'
import { OAuth2Error } from '../errors.ts'
import type { HttpRequest, HttpResponse } from './http-types.ts'
import { publicLookup } from './public-host.ts'

/** Connections to one server. */
export const MAX_SOCKETS = 32

export interface NodeHttp {
  send(request: HttpRequest): Promise<HttpResponse>
  close(): void
}

const tooLarge = (maxBytes: number): OAuth2Error =>
  new OAuth2Error('ERR_OAUTH2_RESPONSE', `the answer is larger than ${maxBytes} bytes`)

/** Requests over keep-alive connections: several times as many a second as the built-in fetch, and redirects are never followed. */
export const createNodeHttp = (): NodeHttp => {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: 8 }
  const agents = { http: new http.Agent(options), https: new https.Agent(options) }
  // Apart, so that no connection that was made without looking at the address is used for a URL from outside.
  const guarded = { http: new http.Agent(options), https: new https.Agent(options) }

  const attempt = (request: HttpRequest): Promise<HttpResponse> =>
    new Promise((resolve, reject) => {
      const secure = request.url.protocol === 'https:'
      const kept = request.foreign === true ? guarded : agents
      const outgoing = (secure ? https : http).request(request.url, {
        method: request.method,
        // What must not be sent twice gets a connection of its own: no idle one can be closed under it.
        agent: request.repeatable ? (secure ? kept.https : kept.http) : false,
        ...(request.foreign === true ? { lookup: publicLookup } : {}),
        headers: {
          ...request.headers,
          'accept-encoding': 'identity',
          ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
        },
      })
      const timer = setTimeout(() => {
        // Itself, because a request whose connection is gone already tells nobody that it was destroyed.
        fail(new Error(`no answer within ${request.timeoutMs} ms`))
      }, request.timeoutMs).unref()
      const fail = (error: Error): void => {
        clearTimeout(timer)
        outgoing.destroy()
        reject(error)
      }
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed an idle connection just when it was used again: nothing was read, so it is asked anew.
        const retry =
          request.repeatable && outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        fail(retry ? Object.assign(error, { stale: true }) : error)
      })
      outgoing.on('upgrade', (_answer, socket) => {
        socket.destroy()
        fail(new OAuth2Error('ERR_OAUTH2_RESPONSE', 'the server switched to another protocol'))
      })
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = []
        let length = 0
        incoming.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > request.maxBytes) fail(tooLarge(request.maxBytes))
          else chunks.push(chunk)
        })
        incoming.on('error', fail)
        incoming.on('end', () => {
          clearTimeout(timer)
          const header = (name: string): string | undefined => {
            const value = incoming.headers[name]
            return Array.isArray(value) ? value[0] : value
          }
          const encoding = header('content-encoding')
          if (encoding !== undefined && encoding !== 'identity') {
            reject(new OAuth2Error('ERR_OAUTH2_RESPONSE', 'the answer has a content encoding that was not asked for'))
          } else resolve({ status: incoming.statusCode ?? 0, header, body: Buffer.concat(chunks) })
        })
      })
      outgoing.end(request.body)
    })

  return {
    send: (request) =>
      attempt(request).catch((error: unknown) => {
        if ((error as { stale?: boolean }).stale === true) return attempt(request)
        throw error
      }),
    close: () => {
      for (const { http: plain, https: secure } of [agents, guarded]) {
        plain.destroy()
        secure.destroy()
      }
    },
  }
}
