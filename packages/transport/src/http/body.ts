import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

export type Body =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: 'too_large' | 'not_utf8' | 'aborted' }

const firstBytes = 16_384

/** The declared length of a body; `undefined` when it is chunked. */
export const declaredLength = (request: IncomingMessage): number | undefined => {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

/**
 * Reads a body of at most `maxBytes`. Beyond that nothing more is kept, and the rest is left unread. What arrives in pieces is
 * copied together as it comes: a piece of one byte would otherwise hold the whole block that it was read in.
 */
export const readBody = (request: IncomingMessage, maxBytes: number): Promise<Body> =>
  new Promise((resolve) => {
    const declared = declaredLength(request)
    let whole: Buffer = Buffer.alloc(0)
    let bytes = 0
    const done = (body: Body): void => {
      request.off('data', onData).off('end', onEnd).off('error', onAbort).off('close', onAbort)
      resolve(body)
    }
    const onData = (chunk: Buffer): void => {
      if (bytes + chunk.length > maxBytes) {
        request.pause()
        return done({ ok: false, reason: 'too_large' })
      }
      if (bytes === 0 && chunk.length === declared) {
        whole = chunk
      } else {
        if (bytes + chunk.length > whole.length) {
          const room = Math.min(maxBytes, Math.max(firstBytes, 2 * whole.length, bytes + chunk.length))
          const larger = Buffer.allocUnsafeSlow(room)
          whole.copy(larger, 0, 0, bytes)
          whole = larger
        }
        chunk.copy(whole, bytes)
      }
      bytes += chunk.length
    }
    const onEnd = (): void => {
      const body = whole.subarray(0, bytes)
      done(isUtf8(body) ? { ok: true, text: body.toString('utf8') } : { ok: false, reason: 'not_utf8' })
    }
    const onAbort = (): void => done({ ok: false, reason: 'aborted' })
    request.on('data', onData).on('end', onEnd).on('error', onAbort).on('close', onAbort)
  })
