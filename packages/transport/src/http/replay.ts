import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Session } from '../hub/session.ts'
import { writeEvent } from './events.ts'

/**
 * The answer to one request as a stream that can be taken up again (MCP 2025-11-25, resumability): every event has an id, and what was
 * sent is kept for a while, so that a client that lost its connection gets the rest on a new one.
 */
export interface Replay {
  /** Sends, or keeps for whoever comes back. */
  send(json: string): boolean
  /** The last message, or that there is none. */
  finish(json: string | undefined): void
  /** From now on it goes to this connection, beginning behind the event `after`. */
  attach(response: ServerResponse, after: number): void
  /** Ends the connection on purpose: the client comes back for the rest. */
  pause(): void
}

export interface Replays {
  /** Opens a stream; `abandon` is called when nobody came back for it. */
  open(session: Session, abandon: () => void): Replay
  /** The stream that an event belongs to, and the event's number; `undefined` when it is not this session's or not kept. */
  find(session: Session, eventId: string): { readonly replay: Replay; readonly after: number } | undefined
}

/** How long clients should wait before they come back. */
const retryMs = 1000
/** How long what has ended is kept, and how long one goes on that nobody listens to. */
const keptMs = 60_000
const maxDetachedMs = 300_000
const maxEvents = 1000
const maxBytes = 4 * 1024 * 1024
const maxPerSession = 64
const maxBytesInAll = 64 * 1024 * 1024

const eventIdForm = /^([A-Za-z0-9_-]{16})\.([0-9]{1,9})$/

interface Kept {
  readonly number: number
  readonly text: string
}

export const createReplays = (): Replays => {
  const bySession = new WeakMap<Session, Map<string, Replay & { readonly oldest: () => number; evict(): void }>>()
  let bytesInAll = 0

  const open = (session: Session, abandon: () => void): Replay => {
    const streams = bySession.get(session) ?? new Map()
    bySession.set(session, streams)
    if (streams.size >= maxPerSession) streams.values().next().value?.evict()
    const id = randomBytes(12).toString('base64url')
    let events: Kept[] = []
    let bytes = 0
    let last = 0
    let finished = false
    let connection: ServerResponse | undefined
    let timer: NodeJS.Timeout | undefined

    const later = (ms: number, does: () => void): void => {
      clearTimeout(timer)
      timer = setTimeout(does, ms).unref()
    }
    const forgetOldest = (): void => {
      const oldest = events.shift()
      if (oldest === undefined) return
      bytes -= oldest.text.length
      bytesInAll -= oldest.text.length
    }
    const drop = (): void => {
      clearTimeout(timer)
      streams.delete(id)
      bytesInAll -= bytes
      bytes = 0
      events = []
    }
    const detached = (): void => {
      connection = undefined
      if (finished) return
      later(maxDetachedMs, () => {
        drop()
        abandon()
      })
    }
    const write = (response: ServerResponse, { number, text }: Kept): void => {
      writeEvent(response, text, `${id}.${number}`)
    }
    const add = (text: string): void => {
      const event = { number: ++last, text }
      events.push(event)
      bytes += event.text.length
      bytesInAll += event.text.length
      while (events.length > maxEvents || bytes > maxBytes || (bytesInAll > maxBytesInAll && events.length > 0))
        forgetOldest()
      if (connection !== undefined) write(connection, event)
    }

    const replay = {
      /** The number of the first event that is still there. */
      oldest: () => events[0]?.number ?? last + 1,
      /** Makes room. What nobody listens to and nobody can come back for is given up, or it would keep its place. */
      evict() {
        const lost = !finished && connection === undefined
        drop()
        if (lost) abandon()
      },
      send(json: string) {
        if (finished) return false
        add(json)
        return true
      },
      finish(json: string | undefined) {
        if (finished) return
        if (json !== undefined) add(json)
        finished = true
        connection?.end()
        later(keptMs, drop)
      },
      attach(response: ServerResponse, after: number) {
        clearTimeout(timer)
        connection?.end()
        connection = response
        // An event without data primes the client: it has an id to come back with before there is anything to say.
        if (last === 0 && after === 0) response.write(`id: ${id}.0\nretry: ${retryMs}\ndata: \n\n`)
        for (const event of events) if (event.number > after) write(response, event)
        if (finished) {
          response.end()
          return later(keptMs, drop)
        }
        response.once('close', () => {
          if (connection === response) detached()
        })
      },
      pause() {
        connection?.end()
      },
    }
    streams.set(id, replay)
    return replay
  }

  return {
    open,
    find(session, eventId) {
      const [, id, number] = eventIdForm.exec(eventId) ?? []
      const replay = id === undefined ? undefined : bySession.get(session)?.get(id)
      const after = Number(number)
      // What has been forgotten in between cannot be made up for by what came later.
      return replay === undefined || after + 1 < replay.oldest() ? undefined : { replay, after }
    },
  }
}
