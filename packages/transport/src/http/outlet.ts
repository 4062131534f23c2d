import { type JsonRpcMessage, rpcCodes } from '@portcullis/guard'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Outlet } from '../types.ts'
import type { Accepts } from './accept.ts'
import { startStream, toJson, writeEvent } from './events.ts'
import type { Replay } from './replay.ts'
import { reply, replyEmpty } from './reply.ts'

const pulseEveryMs = 15_000

/** The answer to one POST: JSON, unless the server has something to say before it is done and the client takes a stream, or wants one. */
export interface ReplyOutlet extends Outlet {
  /** Ends the answer; `undefined` when there is none, because the request was cancelled. */
  finish(status: number, message: unknown, headers?: OutgoingHttpHeaders): void
  /** Breaks the stream off, for the client to take it up again; absent where it could not. */
  readonly pause?: () => void
  readonly streaming: boolean
}

/** In place of an answer that is nested too deep to be written. */
const unwritable = (message: unknown): string => {
  const { id = null } = message as { id?: unknown }
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { code: rpcCodes.internalError, message: 'The answer cannot be written.' },
  })
}

/** `resumable` opens what the stream is kept in, where it can be taken up again. */
export const createReplyOutlet = (
  response: ServerResponse,
  accepts: Accepts,
  headers: OutgoingHttpHeaders,
  resumable?: () => Replay,
): ReplyOutlet => {
  let streaming = false
  let finished = false
  let replay: Replay | undefined

  const start = (extra: OutgoingHttpHeaders = {}): void => {
    if (streaming) return
    streaming = true
    startStream(response, { ...headers, ...extra })
    replay = resumable?.()
    replay?.attach(response, 0)
    // Proxies close what is silent for long.
    const pulse = setInterval(() => {
      if (!response.writableEnded) response.write(': still here\n\n')
    }, pulseEveryMs).unref()
    response.once('close', () => clearInterval(pulse))
  }

  return {
    get streaming() {
      return streaming
    },
    send(message: JsonRpcMessage) {
      const json = finished || !accepts.stream ? undefined : toJson(message)
      if (json === undefined) return false
      if (replay !== undefined) return replay.send(json)
      if (response.destroyed) return false
      start()
      return replay === undefined ? writeEvent(response, json) : (replay as Replay).send(json)
    },
    ...(resumable === undefined || !accepts.stream
      ? {}
      : {
          pause() {
            if (finished || response.destroyed) return
            start()
            replay?.pause()
          },
        }),
    finish(status, message, extra = {}) {
      if (finished) return
      finished = true
      const json = message === undefined ? undefined : (toJson(message) ?? unwritable(message))
      if (replay !== undefined) return replay.finish(json)
      const wanted = accepts.preferred === 'stream' && resumable !== undefined && message !== undefined
      if (!streaming && accepts.json && !wanted) {
        if (message === undefined) replyEmpty(response, 202, { ...headers, ...extra })
        else reply(response, status, json as string, { ...headers, ...extra })
        return
      }
      if (response.destroyed) return
      start(extra)
      if (replay !== undefined) return (replay as Replay).finish(json)
      if (json !== undefined) writeEvent(response, json)
      response.end()
    },
  }
}
