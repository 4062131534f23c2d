import type { Standing } from './standing.ts'
import type { ApiKeysEvent, ApiKeyStore } from './types.ts'

/** Notes when keys are used, and writes it all at once now and then: verifying writes nothing. */
export interface LastUse {
  note(standing: Standing, nowMs: number): void
  flush(): Promise<void>
  close(): Promise<void>
}

export const createLastUse = (
  store: ApiKeyStore,
  intervalMs: number | false,
  onEvent: (event: ApiKeysEvent) => void,
): LastUse => {
  let noted: Standing[] = []
  // What could not be written; a store has a bounded number of keys.
  const owed = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const write = async (): Promise<void> => {
    for (const standing of noted) {
      standing.isNoted = false
      owed.set(standing.record.id, Math.max(standing.usedAtMs, owed.get(standing.record.id) ?? 0))
    }
    noted = []
    if (owed.size === 0) return
    const uses = new Map(owed)
    try {
      await store.touch?.(uses)
      for (const [id, ms] of uses) if (owed.get(id) === ms) owed.delete(id)
    } catch (error) {
      onEvent({ type: 'last_use_failed', keys: uses.size, error })
      schedule()
    }
  }
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(write)
    return writing
  }
  let closed = intervalMs === false || store.touch === undefined
  const schedule = (): void => {
    if (timer === undefined && !closed && intervalMs !== false)
      timer = setTimeout(() => void flush(), intervalMs).unref()
  }

  return {
    note(standing, nowMs) {
      standing.usedAtMs = nowMs
      if (standing.isNoted || closed) return
      standing.isNoted = true
      noted.push(standing)
      schedule()
    },
    flush,
    async close() {
      closed = true
      await flush()
    },
  }
}
