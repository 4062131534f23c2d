import { withDeadline } from './deadline.ts'
import { disconnect, type RawClient, retryDelay } from './raw.ts'

const ANSWER_MS = 1000
const CONNECT_MS = 3000
const PING_MS = 1000

/** Messages reach at most once; whoever needs all of them must look elsewhere after `subscribed`. */
export interface SubscriptionHandler {
  message(text: string): void
  /** From now on messages arrive; earlier ones may be lost. Called again after every reconnect. */
  subscribed(): void
}

const late = () => new Error('there was no answer')

/** Keeps a channel subscribed, on a new connection whenever the last is lost or silent. Returns what ends it. */
export const subscribeOn = (
  open: () => RawClient | undefined,
  channel: string,
  handler: SubscriptionHandler,
): (() => Promise<void>) => {
  let ended = false
  let attempts = 0
  let client: RawClient | undefined
  let wake: () => void = () => {}
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, ms).unref()
    })

  const listen = async (mine: RawClient): Promise<void> => {
    const connected = new Promise<void>((resolve, reject) => {
      mine.on('error', () => {})
      mine.on('ready', resolve)
      for (const event of ['close', 'end']) {
        mine.on(event, () => {
          reject(late())
          wake()
        })
      }
      mine.on('message', (_channel: string, text: string) => {
        if (!ended) handler.message(text)
      })
    })
    await withDeadline(connected, CONNECT_MS, late)
    await withDeadline(mine.subscribe(channel), ANSWER_MS, late)
    if (!ended) handler.subscribed()
    attempts = 0
    // Nothing is sent otherwise, and a connection that leads nowhere would never be noticed.
    for (;;) {
      await pause(PING_MS)
      await withDeadline(mine.call('ping'), ANSWER_MS, late)
    }
  }
  const run = async (): Promise<void> => {
    while (!ended) {
      try {
        client = open()
        if (client) await listen(client)
      } catch {
        client?.disconnect()
      }
      if (!ended) await pause(retryDelay(++attempts))
    }
  }
  void run()
  return async () => {
    ended = true
    wake()
    if (client) await disconnect(client)
  }
}
