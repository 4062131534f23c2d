import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

export type Body =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: 'too_large' | 'not_utf8' | 'aborted' }

/** The declared length of a body; `undefined` when it is chunked. */
export const declaredLength = (request: IncomingMessage): number | undefined => {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

/** Reads a body of at most `maxBytes`. Beyond that nothing more is kept, and the rest is left unread. */
export const readBody = (request: IncomingMessage, maxBytes: number): Promise<Body> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const done = (body: Body): void => {
      request.off('data', onData).off('end', onEnd).off('error', onAbort).off('close', onAbort)
      resolve(body)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > maxBytes) {
        request.pause()
        done({ ok: false, reason: 'too_large' })
      } else {
        chunks.push(chunk)
      }
    }
    const onEnd = (): void => {
      const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes)
      done(isUtf8(whole) ? { ok: true, text: whole.toString('utf8') } : { ok: false, reason: 'not_utf8' })
    }
    const onAbort = (): void => done({ ok: false, reason: 'aborted' })
    request.on('data', onData).on('end', onEnd).on('error', onAbort).on('close', onAbort)
  })
