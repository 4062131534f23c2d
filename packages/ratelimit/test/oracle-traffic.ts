import type { RateLimitResult } from '../src/index.ts'

export const WINDOW_MS = 60_000
/** From here to twice as much a double tells 2^-32 ms apart, so that differences of times are exact. */
export const START_MS = 2 ** 20

export interface Step {
  readonly atMs: number
  /** Of the requests that come at this moment. */
  readonly costs: readonly number[]
  /** Who waited as long as it was told must be let in. */
  readonly waited?: boolean
}
export type Traffic = Generator<Step, void, readonly RateLimitResult[]>

export interface Load {
  /** Requests that fill the limit. */
  readonly per: number
  /** Units of each. */
  readonly cost: number
  readonly windows: number
}

/** Deterministic, so that a failure can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const poisson = (factor: number) =>
  function* ({ per, cost, windows }: Load): Traffic {
    const random = createRandom(per * 31 + factor * 10)
    const endMs = START_MS + windows * WINDOW_MS
    for (let atMs = START_MS; atMs < endMs; ) {
      atMs += (-Math.log(1 - random()) * WINDOW_MS) / (per * factor)
      yield { atMs, costs: [cost] }
    }
  }

const many = (count: number, cost: number): number[] => Array.from({ length: count }, () => cost)

/** Every one comes to a limiter for about `windows` windows. */
export const traffics: Readonly<Record<string, (load: Load) => Traffic>> = {
  'Poisson 0.8x': poisson(0.8),
  'Poisson 1.0x': poisson(1),
  'Poisson 1.2x': poisson(1.2),
  'Poisson 3x': poisson(3),
  *'flood 20x'({ per, cost, windows }) {
    const atOnce = Math.ceil(per / 8)
    for (let i = 0; i < 160 * windows; i++) yield { atMs: START_MS + (i * WINDOW_MS) / 160, costs: many(atOnce, cost) }
  },
  *'bursts of an agent'({ per, cost, windows }) {
    const random = createRandom(3)
    const endMs = START_MS + windows * WINDOW_MS
    const size = Math.max(1, per / 40)
    for (let atMs = START_MS; atMs < endMs; atMs += random() * 60_000) {
      for (let left = (5 + random() * 60) * size; left > 0; left--) {
        yield { atMs: (atMs += Math.floor(20 + random() * 200) / size), costs: [cost] }
      }
    }
  },
  *'attacker who opens a window with one hit and empties it at its end'({ per, cost, windows }) {
    for (let n = 0; n < windows; n++) {
      const atMs = START_MS + n * (2 * WINDOW_MS + 7)
      yield { atMs, costs: [cost] }
      yield { atMs: atMs + WINDOW_MS - 1, costs: many(per, cost) }
      yield { atMs: atMs + WINDOW_MS, costs: many(per, cost) }
    }
  },
  *'attacker around multiples of the window'({ per, cost, windows }) {
    const first = Math.ceil(START_MS / WINDOW_MS)
    for (let n = first; n < first + windows; n++) {
      for (const near of [-1, 0, 1]) yield { atMs: n * WINDOW_MS + near, costs: many(per, cost) }
    }
  },
  *'attacker around the edges of buckets'({ per, cost, windows }) {
    const grainMs = WINDOW_MS / 32
    const costs = many(Math.ceil(per / 16), cost)
    yield { atMs: START_MS, costs }
    for (let n = 1; n < windows * 33; n++) {
      for (const near of [-0.125, 0, 0.125]) yield { atMs: START_MS + n * grainMs + near, costs }
    }
  },
  *'attacker who waits a microsecond less, and then exactly as long as told'({ per, cost, windows }) {
    const endMs = START_MS + windows * WINDOW_MS
    for (let atMs = START_MS, n = 0, waited = false; atMs < endMs && n < 4 * per * windows; n++) {
      const results: readonly RateLimitResult[] = yield { atMs, costs: [cost], waited }
      const wait = results[0]?.retryAfterMs ?? 0
      waited = wait > 0
      if (wait > 0.001) yield { atMs: atMs + wait - 0.001, costs: [cost] }
      atMs += wait
    }
  },
  *'weights from nothing to more than there is'({ per, cost, windows }) {
    const random = createRandom(per + 17)
    const endMs = START_MS + windows * WINDOW_MS
    for (let atMs = START_MS; atMs < endMs; atMs += (random() * 4 * WINDOW_MS) / per) {
      const weight = random() < 0.05 ? per + 1 : Math.floor(random() ** 3 * (per + 1))
      yield { atMs, costs: [weight * cost, Math.floor(random() * 2)] }
    }
  },
}

/** Those for which the study says what part of the possible a window of buckets lets in. */
export const isSmooth = (name: string): boolean => /^(Poisson|flood)/.test(name)
/** Those of which something must be refused, or the traffic tests nothing. */
export const isTooMuch = (name: string): boolean => !/^Poisson [01]/.test(name)
