import { hash } from 'node:crypto'

/** Calls by a key: those that come while one is under way share it, later ones its answer for as long as `keepUntilMs` says. */
export interface SharedCalls<T> {
  run(key: readonly string[], call: () => Promise<T>): Promise<T>
  /** Forgets the answers that `test` says so of. */
  forget(test: (value: T) => boolean): void
}

/** Keys hold secrets: only their digests are kept. At most `maxEntries` answers. */
export const createSharedCalls = <T>(options: {
  readonly maxEntries: number
  readonly keepUntilMs: (value: T) => number
  readonly clock: () => number
}): SharedCalls<T> => {
  const { maxEntries, keepUntilMs, clock } = options
  const flights = new Map<string, Promise<T>>()
  const answers = new Map<string, { readonly value: T; readonly untilMs: number }>()

  const keep = (digest: string, value: T): void => {
    const untilMs = keepUntilMs(value)
    const now = clock()
    for (const [other, answer] of answers) if (answer.untilMs <= now) answers.delete(other)
    if (untilMs <= now) return
    if (answers.size >= maxEntries) answers.delete(answers.keys().next().value as string)
    answers.set(digest, { value, untilMs })
  }

  return {
    run(key, call) {
      const digest = hash('sha256', JSON.stringify(key), 'base64url')
      const answer = answers.get(digest)
      if (answer !== undefined && clock() < answer.untilMs) return Promise.resolve(answer.value)
      let flight = flights.get(digest)
      if (flight === undefined) {
        flight = call()
          .then((value) => {
            keep(digest, value)
            return value
          })
          .finally(() => flights.delete(digest))
        flights.set(digest, flight)
      }
      return flight
    },
    forget(test) {
      for (const [digest, { value }] of answers) if (test(value)) answers.delete(digest)
    },
  }
}
