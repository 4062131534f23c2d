const [lineFeed, carriageReturn] = [10, 13]

/** What became longer than it may be. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError'
  readonly code = 'ERR_UPSTREAM_TOO_LARGE'
}

type Through = TransformStream<Uint8Array, Uint8Array>

/** Counts what passes; for answers that are read as one. */
const whole = (maxBytes: number, exceeded: () => Error): Through => {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw exceeded()
      controller.enqueue(chunk)
    },
  })
}

/**
 * Counts from one blank line to the next, and hands events on whole: a reader of lines that is given a long one in pieces would look at
 * its beginning again with each of them.
 */
const events = (maxBytes: number, exceeded: () => Error): Through => {
  let parts: Uint8Array[] = []
  let bytes = 0
  let [lineIsEmpty, afterReturn] = [true, false]
  const keep = (part: Uint8Array): void => {
    if (part.byteLength === 0) return
    bytes += part.byteLength
    if (bytes > maxBytes) throw exceeded()
    parts.push(part)
  }
  const take = (): Uint8Array => {
    const event = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes)
    parts = []
    bytes = 0
    return event
  }
  return new TransformStream({
    transform(chunk, controller) {
      let from = 0
      for (let at = 0; at < chunk.byteLength; at++) {
        const byte = chunk[at]
        let ends: boolean
        if (byte === lineFeed && afterReturn) {
          // The second half of a line's end; of an event's only where the first half has been handed on already.
          ends = at === from && bytes === 0
          afterReturn = false
        } else if (byte === lineFeed || byte === carriageReturn) {
          ends = lineIsEmpty
          lineIsEmpty = true
          afterReturn = byte === carriageReturn
        } else {
          ends = false
          lineIsEmpty = false
          afterReturn = false
        }
        if (!ends) continue
        keep(chunk.subarray(from, at + 1))
        from = at + 1
        controller.enqueue(take())
      }
      // A copy: the piece may be a few bytes of a large buffer.
      keep(chunk.slice(from))
    },
    flush(controller) {
      if (bytes > 0) controller.enqueue(take())
    },
  })
}

/**
 * An answer whose body fails with a `TooLargeError` beyond `maxBytes`: in all, or with `stream` from one event of a
 * `text/event-stream` to the next. `onTooLarge` is called before.
 */
export const bounded = (
  response: Response,
  options: { readonly maxBytes: number; readonly stream: boolean; readonly onTooLarge: () => void },
): Response => {
  if (response.body === null) return response
  const exceeded = (): Error => {
    options.onTooLarge()
    return new TooLargeError('the answer is too large')
  }
  const counter = (options.stream ? events : whole)(options.maxBytes, exceeded)
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(counter as never), { status, statusText, headers })
}
