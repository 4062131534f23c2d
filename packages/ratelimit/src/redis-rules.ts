import { createHash } from 'node:crypto'
import { MAX_LEASES } from './concurrency.ts'
import { RULE_NUMBERS } from './lua/format.ts'
import { nearLeft } from './options.ts'
import type { Limit } from './types.ts'
import { ringRule } from './window.ts'

const kinds = { gcra: 1, window: 2, concurrency: 3 }

/**
 * The limits as the script reads them. A limit is known by its algorithm, window and name, so that processes of an older configuration do not cut a longer window
 * short.
 */
export function encodeRules(limits: readonly Limit[]): Buffer {
  return Buffer.concat(limits.map(encodeRule))
}

function encodeRule(limit: Limit): Buffer {
  const { name, algorithm, windowMs, mode, nearRatio } = limit
  const id = createHash('sha256').update(`${algorithm} ${windowMs} ${name}`).digest().readUIntLE(0, 6)
  const capacity = algorithm === 'gcra' ? (limit.burst ?? limit.limit) : limit.limit
  const { grainMs, maxEntries } = algorithm === 'window' ? ringRule(limit) : { grainMs: 0, maxEntries: MAX_LEASES }
  const shadow = mode === 'shadow' ? 1 : 0
  const spans = [windowMs * 1000, grainMs * 1000]
  const bytes = Buffer.alloc(RULE_NUMBERS * 8)
  const numbers = [
    id,
    kinds[algorithm],
    shadow,
    capacity,
    limit.limit,
    ...spans,
    maxEntries,
    nearLeft(capacity, nearRatio),
  ]
  numbers.forEach((value, index) => bytes.writeDoubleLE(value, index * 8))
  return bytes
}
