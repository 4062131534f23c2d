import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { finished } from 'node:stream'
import type { HeldLease } from '../lease.ts'
import { createDecider, endLease, type HttpLimitOptions, type KeyOf, PROBLEM, type Verdict } from './decide.ts'
import { peerKey } from './key.ts'

export interface LimitRequestsOptions<Request extends IncomingMessage = IncomingMessage>
  extends HttpLimitOptions<[Request]> {
  /**
   * What a request is counted by; `undefined`: it is not counted. Default: the address of the connection's peer, of IPv6 its /64, never a header. Behind a proxy that is
   * the proxy: `(request) => addressKey(request.ip)` in Express, once `trust proxy` says which one it is.
   */
  readonly key?: KeyOf<[Request]>
}

/** For Express, Connect and bare `node:http`. Answers `true` when the request may go on; else it has been answered, or `next` has the error. */
export type LimitRequests<Request extends IncomingMessage = IncomingMessage> = (
  request: Request,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => Promise<boolean>

/**
 * A middleware that counts each request. A refusal is a 429 with `Retry-After` and problem details; a store that is down is a 503; every other fault goes to `next`, or
 * is thrown where there is none. Answers carry `RateLimit` and `RateLimit-Policy`. A lease is kept alive while the answer is under way and given back when it is
 * sent or its connection closes.
 * @throws RateLimitError ERR_RATELIMIT_OPTIONS
 */
export function limitRequests<Request extends IncomingMessage = IncomingMessage>(
  options: LimitRequestsOptions<Request>,
): LimitRequests<Request> {
  const decide = createDecider<[Request]>({ ...options, key: options?.key ?? peerKey })
  return async (request, response, next) => {
    let goesOn: boolean
    try {
      goesOn = apply(await decide(request), request, response)
    } catch (error) {
      if (next === undefined) throw error
      next(error)
      return false
    }
    if (goesOn) next?.()
    return goesOn
  }
}

/** Whether the request goes on. */
function apply({ fields, refusal, lease }: Verdict, request: IncomingMessage, response: ServerResponse): boolean {
  if (lease !== undefined) endWithAnswer(lease, request, response)
  const late = response.headersSent || response.writableEnded
  if (!late) {
    // Another middleware may have written members of these lists.
    for (const [name, value] of Object.entries(fields)) response.appendHeader(name, value)
  }
  if (refusal === undefined) return true
  // Somebody else, a timeout perhaps, is answering: whatever were written now would be torn into that answer.
  if (late) return false
  response.statusCode = refusal.status
  response.setHeader('Retry-After', refusal.retryAfter)
  response.setHeader('Content-Type', PROBLEM)
  response.setHeader('Content-Length', Buffer.byteLength(refusal.body))
  response.end(refusal.body)
  return false
}

/** Gives the lease back when the answer is sent, failed or can no longer be; at once where it is so already. */
function endWithAnswer(lease: HeldLease, request: IncomingMessage, response: ServerResponse): void {
  const { socket, httpVersionMajor } = request
  if (socket.destroyed) return endLease(lease)
  const end = (): void => {
    forget?.()
    unlisten()
    endLease(lease)
  }
  // The answer to a pipelined request waits without a socket, and is told nothing when the connection closes before its turn. In HTTP/2 none waits.
  const forget = httpVersionMajor === 2 ? undefined : onceClosed(socket, end)
  const unlisten = finished(response, end)
}

interface Closing {
  readonly ends: Set<() => void>
  readonly close: () => void
}

const closings = new WeakMap<Socket, Closing>()

/** Calls `end` when the socket closes, by one listener a socket, whatever number of requests a client pipelines. Answers what takes `end` back. */
function onceClosed(socket: Socket, end: () => void): () => void {
  const { ends, close } = closings.get(socket) ?? listen(socket)
  ends.add(end)
  return () => {
    ends.delete(end)
    if (ends.size > 0 || !closings.delete(socket)) return
    socket.off('close', close)
  }
}

function listen(socket: Socket): Closing {
  const ends = new Set<() => void>()
  const close = (): void => {
    for (const end of ends) end()
  }
  const closing = { ends, close }
  closings.set(socket, closing)
  socket.once('close', close)
  return closing
}
