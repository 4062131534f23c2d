import { setTimeout } from 'node:timers/promises'

/** Tries until nobody else was faster (`undefined`): at once, then ever more patiently. */
export const untilUnchanged = async <T>(attempt: () => Promise<T | undefined>): Promise<T> => {
  for (let waitMs = 0; ; waitMs = Math.min(100, waitMs * 2 + 5)) {
    const done = await attempt()
    if (done !== undefined) return done
    if (waitMs > 0) await setTimeout(waitMs)
  }
}
