import { clientAddress } from '@portcullis-internal/net'
import type { Principal } from '@portcullis/authz'
import { type AuthRequest, refuse, type Refusal, unavailable } from '@portcullis/guard'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Session } from '../hub/session.ts'
import { acceptsOf } from './accept.ts'
import { certificateOf } from './certificate.ts'
import { credentialOf } from './credential.ts'
import type { FrontOptions, Incoming } from './types.ts'
import { header, headerLines, repeatedHeader } from './headers.ts'
import { createOriginPolicy } from './origin.ts'
import { createPost } from './post.ts'
import { reply, replyEmpty, replyRefusal } from './reply.ts'
import { createResource } from './resource.ts'
import { createReplays } from './replay.ts'
import { openStream, resumeStream } from './stream.ts'

/** What is refused without its body is still read to its end, so that the client gets to the answer, but only this far. */
const maxDrainedBytes = 8 * 1024 * 1024
const proxyHeader = /^(?:forwarded|via|x-forwarded-.*)$/
const methods = 'POST, GET, DELETE, OPTIONS'

const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Accept',
  'DPoP',
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Last-Event-ID',
]

/** The headers for arguments that a page wants to send: which there are, only the tools say. */
const paramHeaders = (request: IncomingMessage): string[] =>
  (header(request, 'access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^mcp-param-[a-z0-9-]{1,64}$/i.test(name))

const drain = (request: IncomingMessage): void => {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxDrainedBytes) request.destroy()
  })
  request.resume()
}

/** The HTTP front: every stage before a message is understood, cheapest first. A listener for `node:http`. */
export const createFront = (options: FrontOptions): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const { guard, sessions, path = '/mcp', keyHeader = 'x-api-key' } = options
  const origins = createOriginPolicy(options)
  const replays = createReplays()
  const post = createPost(options, replays)
  const log = options.log ?? (() => {})
  const resource =
    options.protectedResource === undefined
      ? undefined
      : createResource(options.protectedResource, path, options.secure ? 'https' : 'http')

  const addressOf = (request: IncomingMessage): string | undefined => {
    const peer = options.peerOf(request.socket)
    return peer === undefined
      ? undefined
      : clientAddress(peer, headerLines(request, 'x-forwarded-for'), options.proxies)
  }

  /** Stage 1: what the request line and the headers alone condemn. */
  const refusedByHeaders = (request: IncomingMessage): Refusal | undefined => {
    const repeated = repeatedHeader(request, keyHeader)
    if (repeated !== undefined) {
      return refuse(400, 'PORTCULLIS_BAD_REQUEST', `The header ${repeated} must not be repeated.`, {
        reason: 'repeated_header',
      })
    }
    if (request.url?.startsWith('/') !== true) {
      return refuse(400, 'PORTCULLIS_BAD_REQUEST', 'The request target must be a path.', { reason: 'absolute_target' })
    }
    if (!origins.allowsHost(request.headers.host)) {
      return refuse(403, 'PORTCULLIS_HOST_FORBIDDEN', 'This server does not answer to that Host.', { reason: 'host' })
    }
    const { origin } = request.headers
    if (origin !== undefined && !origins.allowsOrigin(origin)) {
      return refuse(403, 'PORTCULLIS_ORIGIN_FORBIDDEN', 'Pages of that Origin may not call this server.', {
        reason: 'origin',
      })
    }
    if (options.refuseProxied === true && Object.keys(request.headers).some((name) => proxyHeader.test(name))) {
      return refuse(403, 'PORTCULLIS_FORBIDDEN', 'This server takes direct connections only.', { reason: 'proxied' })
    }
    return undefined
  }

  const corsHeaders = (request: IncomingMessage): OutgoingHttpHeaders => {
    const { origin } = request.headers
    if (origin === undefined) return {}
    return {
      'access-control-allow-origin': origin,
      'access-control-expose-headers':
        'Mcp-Session-Id, WWW-Authenticate, DPoP-Nonce, Retry-After, RateLimit, RateLimit-Policy',
      vary: 'Origin',
    }
  }

  /** The session that a request names; a refusal when it is not this principal's. */
  const sessionOf = (request: IncomingMessage, principal: Principal): Session | Refusal | undefined => {
    const id = header(request, 'mcp-session-id')
    if (id === undefined) return undefined
    const session = principal.method === 'anonymous' ? undefined : sessions.find(principal, id)
    return (
      session ??
      refuse(404, 'PORTCULLIS_SESSION_NOT_FOUND', 'Session not found: initialize again.', { reason: 'session' })
    )
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = refusedByHeaders(request)
    if (refused !== undefined) {
      guard.tally(refused.reason ?? refused.code, addressed(request))
      replyRefusal(response, refused)
      return drain(request)
    }
    const headers = corsHeaders(request)
    const address = addressOf(request)
    // Nobody is counted, blocked or answered by an address that is not there.
    if (address === undefined) return void request.destroy()
    const blocked = guard.blocked(address)
    if (blocked !== undefined) {
      replyRefusal(response, blocked, null, headers)
      return drain(request)
    }
    const target = (request.url as string).split('?', 1)[0] as string
    const document = resource?.documentAt(target, request)
    if (document !== undefined && (request.method === 'GET' || request.method === 'HEAD')) {
      return reply(response, 200, JSON.stringify(document), { ...headers, 'cache-control': 'max-age=300' })
    }
    if (target !== path) {
      if (target === '/' && (request.method === 'GET' || request.method === 'HEAD')) {
        return reply(
          response,
          200,
          `${options.greeting ?? `The MCP endpoint is ${path}.`}\n`,
          headers,
          'text/plain; charset=utf-8',
        )
      }
      replyRefusal(response, refuse(404, 'PORTCULLIS_NOT_FOUND', 'Not found.'), null, headers)
      return drain(request)
    }
    const { method } = request
    if (method === 'OPTIONS') {
      return replyEmpty(response, 204, {
        ...headers,
        allow: methods,
        ...(request.headers.origin === undefined
          ? {}
          : {
              'access-control-allow-methods': methods,
              'access-control-allow-headers': [...allowedHeaders, keyHeader, ...paramHeaders(request)].join(', '),
              'access-control-max-age': '600',
            }),
      })
    }
    if (method !== 'POST' && method !== 'GET' && method !== 'DELETE') {
      replyRefusal(response, refuse(405, 'PORTCULLIS_METHOD_NOT_ALLOWED', 'Method not allowed.'), null, {
        ...headers,
        allow: methods,
      })
      return drain(request)
    }

    const credential = credentialOf(request, keyHeader)
    const proven = resource !== undefined && typeof credential === 'object' && credential.source === 'dpop'
    const auth: AuthRequest = {
      transport: 'http',
      credential,
      header: (name) => header(request, name),
      address,
      ...(proven ? { dpop: resource.proofOf(request) } : {}),
      get clientCertificate() {
        return certificateOf(request.socket)
      },
    }
    if (proven) Object.assign(headers, resource.nonceHeader())
    const guidance = resource === undefined ? undefined : () => resource.guidance(request)
    const incoming: Incoming = { request, response, auth, headers, guidance }
    if (method === 'POST') return post(incoming, sessionOf, () => drain(request))

    const opened = await guard.open(auth)
    if (!opened.ok) {
      replyRefusal(response, opened, null, headers, { guidance })
      return drain(request)
    }
    const session = sessionOf(request, opened.principal)
    if (session !== undefined && 'ok' in session) return replyRefusal(response, session, null, headers)
    if (session === undefined) {
      // Streams and endings belong to sessions; a client without one is told so in the way that it does not mind.
      const refusal = refuse(405, 'PORTCULLIS_METHOD_NOT_ALLOWED', 'There is no session to do that with.')
      return replyRefusal(response, refusal, null, { ...headers, allow: methods })
    }
    if (method === 'DELETE') {
      sessions.end(session)
      guard.note({
        type: 'session.ended',
        principal: opened.principal.id,
        ...(session.tag === undefined ? {} : { session: session.tag }),
      })
      return replyEmpty(response, 204, headers)
    }
    if (!acceptsOf(request).stream) {
      return replyRefusal(
        response,
        refuse(406, 'PORTCULLIS_NOT_ACCEPTABLE', 'Accept must include text/event-stream.'),
        null,
        headers,
      )
    }
    const lastEventId = header(request, 'last-event-id')
    if (lastEventId === undefined) return openStream(incoming, session, guard)
    const found = replays.find(session, lastEventId)
    if (found !== undefined) return resumeStream(incoming, session, guard, found)
    const gone = refuse(400, 'PORTCULLIS_BAD_REQUEST', 'That stream cannot be taken up again.', { reason: 'event_id' })
    replyRefusal(response, gone, null, headers)
  }

  const addressed = (request: IncomingMessage): { address?: string } => {
    const address = addressOf(request)
    return address === undefined ? {} : { address }
  }

  return (request, response) => {
    response.on('error', () => {})
    handle(request, response).catch((error: unknown) => {
      log('error', 'http.fault', { error })
      if (response.headersSent) response.destroy()
      else replyRefusal(response, unavailable('fault'))
    })
  }
}
