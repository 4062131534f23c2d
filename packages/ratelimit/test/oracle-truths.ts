import type { GcraLimit, WindowLimit } from '../src/index.ts'

/** What is right, by the definition of a limit, over the admissions that a limiter itself made. Times are whole ticks. */
export interface Truth {
  fits(at: number, cost: number): boolean
  admit(at: number, cost: number): void
}

/** An exact sliding log: never more than `limit` units in any half-open window (t - W, t]. */
export function slidingLog({ limit }: WindowLimit, windowTicks: number): Truth {
  const log: (readonly [at: number, cost: number])[] = []
  let first = 0
  let used = 0
  const prune = (at: number): void => {
    for (let one = log[first]; one !== undefined && one[0] <= at - windowTicks; one = log[++first]) used -= one[1]
  }
  return {
    fits(at, cost) {
      prune(at)
      return used + cost <= limit
    },
    admit(at, cost) {
      log.push([at, cost])
      used += cost
    },
  }
}

/**
 * At most `burst + limit / W * t` units in every interval [a, b] of length t, without rounding: the sum to b, less what drains until b, must not be more than `burst` above
 * the least that the sum before a, less what drains until a, ever was. That is also all that a GCRA asks for, so what fits must be admitted.
 */
export function allIntervals({ limit, burst = limit }: GcraLimit, windowTicks: number): Truth {
  const [rate, window] = [BigInt(limit), BigInt(windowTicks)]
  let sum = 0n
  let least: bigint | undefined
  const begin = (at: number): bigint => {
    const level = sum * window - rate * BigInt(at)
    return least === undefined || level < least ? level : least
  }
  return {
    fits: (at, cost) => (sum + BigInt(cost)) * window - rate * BigInt(at) <= BigInt(burst) * window + begin(at),
    admit(at, cost) {
      least = begin(at)
      sum += BigInt(cost)
    },
  }
}
