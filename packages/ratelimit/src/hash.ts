import { randomFillSync } from 'node:crypto'

const MAX_CHARS = 256
/** The largest prime below 2^28. */
const P = 268_435_399

/**
 * Two keyed hashes of a text of up to 256 UTF-16 code units, left in `low` and `high`; each is 2 to 2^28. Multilinear hashing modulo a prime (Carter and Wegman,
 * "Universal classes of hash functions", 1979) with a random factor for each place: whoever does not know the factors cannot choose texts that meet, and two
 * given texts meet in both with a probability of 2^-56.
 */
export interface KeyHash {
  low: number
  high: number
  read(text: string): void
}

export function createKeyHash(): KeyHash {
  const random = randomFillSync(new Uint32Array(2 * MAX_CHARS))
  const lows = Float64Array.from(random.subarray(0, MAX_CHARS), (bits) => bits % P)
  const highs = Float64Array.from(random.subarray(MAX_CHARS), (bits) => bits % P)
  return {
    low: 0,
    high: 0,
    read(text) {
      let low = 0
      let high = 0
      // A unit counts from one, so that a text differs from the same with zeros behind it. The sums stay below 2^52: exact in doubles.
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i) + 1
        low += unit * (lows[i] as number)
        high += unit * (highs[i] as number)
      }
      this.low = low - Math.floor(low / P) * P + 2
      this.high = high - Math.floor(high / P) * P + 2
    },
  }
}

/** What both hashes lie below. */
export const HASH_END = 2 ** 28
