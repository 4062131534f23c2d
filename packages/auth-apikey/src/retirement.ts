import { freezeRecord } from './record.ts'
import { andThen } from './maybe-promise.ts'
import type { ApiKeyRecord, ApiKeysEvent, ApiKeyStore, MaybePromise } from './types.ts'
import { untilUnchanged } from './until-unchanged.ts'

const RETRY_MS = 1000

/** Ends keys whose successor is used: here at once, in the store a moment later, so that verifying waits for no write. */
export interface Retirement {
  /** A key was used for the first time here. */
  used(successor: ApiKeyRecord): void
  isOver(id: string): boolean
  close(): Promise<void>
}

export const createRetirement = (
  store: ApiKeyStore,
  clock: () => number,
  onEvent: (event: ApiKeysEvent) => void,
): Retirement => {
  const over = new Set<string>()
  const under = new Set<Promise<void>>()
  const timers = new Set<NodeJS.Timeout>()
  let closed = false

  /** The key that a successor replaces, if it is good until that one is used. */
  const waiting = ({ id, replaces }: ApiKeyRecord): MaybePromise<ApiKeyRecord | undefined> =>
    andThen(store.get(replaces ?? ''), (before) =>
      before?.replaced?.by === id && before.replaced.onUse && before.replaced.atMs > clock() ? before : undefined,
    )

  const end = (successor: ApiKeyRecord): Promise<true> =>
    untilUnchanged(async () => {
      const found = waiting(successor)
      // A store that answers at once has ended the key before its successor's first use is over.
      const before = found instanceof Promise ? await found : found
      if (before === undefined) return true
      over.add(before.id)
      const { rev } = before
      // Always ended, also for a clock that is behind.
      const replaced = { by: successor.id, atMs: 0 }
      const next = freezeRecord({ ...before, replaced, rev: rev + 1 })
      return (await store.commit([{ replace: next, expectedRev: rev }])) === 'done' || undefined
    })

  const start = (successor: ApiKeyRecord, id: string): void => {
    const attempt = end(successor).then(
      () => void over.delete(id),
      (error: unknown) => {
        onEvent({ type: 'retirement_failed', id, error })
        if (closed) return
        const timer = setTimeout(() => {
          timers.delete(timer)
          start(successor, id)
        }, RETRY_MS).unref()
        timers.add(timer)
      },
    )
    under.add(attempt)
    void attempt.finally(() => under.delete(attempt))
  }

  return {
    used(successor) {
      if (successor.replaces !== undefined) start(successor, successor.replaces)
    },
    isOver: (id) => over.has(id),
    async close() {
      closed = true
      for (const timer of timers) clearTimeout(timer)
      await Promise.all(under)
    },
  }
}
