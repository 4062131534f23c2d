import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Server-sent events (HTML living standard, 9.2). */

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
export const writeEvent = (response: ServerResponse, json: string, id?: string): boolean => {
  if (response.writableEnded || response.destroyed) return false
  if (response.writableLength > maxUnsentBytes) {
    response.destroy()
    return false
  }
  response.write(`${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${json}\n\n`)
  return true
}

/** A message as JSON; `undefined` for one that cannot be written, because it is nested too deep. */
export const toJson = (message: unknown): string | undefined => {
  try {
    return JSON.stringify(message)
  } catch {
    return undefined
  }
}
