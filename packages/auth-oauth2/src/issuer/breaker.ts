import { unavailable } from '../errors.ts'

const FAILURES = 3
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 30_000

/** Stops asking a server that failed three times in a row; then lets one call through after 1 s, 2 s, ... 30 s until one succeeds. */
export interface Breaker {
  /** Runs `ask`, whose rejection counts as a failure; rejects with `ERR_OAUTH2_UNAVAILABLE` without running it while the server rests. */
  run<T>(ask: () => Promise<T>): Promise<T>
}

export const createBreaker = (what: string, now: () => number): Breaker => {
  let failures = 0
  let retryAtMs = 0
  let trying = false
  let lastError: unknown

  return {
    async run(ask) {
      const resting = failures >= FAILURES
      if (resting && (trying || now() < retryAtMs))
        throw unavailable(what, lastError, Math.max(retryAtMs - now(), 1000))
      if (resting) trying = true
      try {
        const answer = await ask()
        failures = 0
        return answer
      } catch (error) {
        failures = Math.min(failures + 1, FAILURES + 16)
        const delayMs = FIRST_DELAY_MS * 2 ** Math.max(0, failures - FAILURES)
        retryAtMs = now() + Math.min(delayMs, MAX_DELAY_MS) * (0.8 + 0.4 * Math.random())
        lastError = error
        throw error
      } finally {
        if (resting) trying = false
      }
    },
  }
}
