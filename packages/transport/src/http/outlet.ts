import type { JsonRpcMessage } from '@portcullis/guard'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Outlet } from '../types.ts'
import type { Accepts } from './accept.ts'
import { reply, replyEmpty } from './reply.ts'

/** More than this much unsent output means that the client does not read: it is cut off rather than remembered. */
const maxUnsentBytes = 4 * 1024 * 1024

export const startStream = (response: ServerResponse, headers: OutgoingHttpHeaders): void => {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store, no-transform',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
    ...headers,
  })
}

/** One server-sent event. JSON has no raw line breaks, so one `data` line holds any message. */
export const writeEvent = (response: ServerResponse, message: unknown): boolean => {
  if (response.writableEnded || response.destroyed) return false
  if (response.writableLength > maxUnsentBytes) {
    response.destroy()
    return false
  }
  response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
  return true
}

/** The answer to one POST: JSON, unless the server has something to say before it is done and the client takes a stream. */
export interface ReplyOutlet extends Outlet {
  /** Ends the answer; `undefined` when there is none, because the request was cancelled. */
  finish(status: number, message: unknown, headers?: OutgoingHttpHeaders): void
  readonly streaming: boolean
}

export const createReplyOutlet = (
  response: ServerResponse,
  accepts: Accepts,
  headers: OutgoingHttpHeaders,
): ReplyOutlet => {
  let streaming = false
  let finished = false
  return {
    get streaming() {
      return streaming
    },
    send(message: JsonRpcMessage) {
      if (finished || !accepts.stream || response.destroyed) return false
      if (!streaming) {
        streaming = true
        startStream(response, headers)
      }
      return writeEvent(response, message)
    },
    finish(status, message, extra = {}) {
      if (finished) return
      finished = true
      if (!streaming && accepts.json) {
        if (message === undefined) replyEmpty(response, 202, { ...headers, ...extra })
        else reply(response, status, JSON.stringify(message), { ...headers, ...extra })
        return
      }
      if (response.destroyed) return
      if (!streaming) startStream(response, { ...headers, ...extra })
      if (message !== undefined) writeEvent(response, message)
      response.end()
    },
  }
}
