import { numberIn, optionalFunction, refuseUnknown } from '../checks.ts'
import { unavailable } from '../errors.ts'

/** A proof that may be used once. */
export interface ProofUse {
  /** Thumbprint of the key that signed it: 43 characters. */
  readonly owner: string
  /** A digest over key and `jti`: 43 characters. */
  readonly id: string
  /** When it is refused anyway, in ms since the epoch. */
  readonly expiresAtMs: number
}

/** Port: remembers which proofs were used. */
export interface ReplayStore {
  /** True the first time, false from then on. A store that cannot tell throws or rejects with `fault: 'unavailable'`: the request is then refused. */
  claim(use: ProofUse): boolean | Promise<boolean>
}

const MAX_ENTRIES = 100_000

/**
 * Remembers used proofs in this process: `maxEntries` at most (100 to 10,000,000, default 100,000), and a tenth of them of one key, so
 * that none fills it for the others. Full, it says so (`ERR_OAUTH2_UNAVAILABLE`) instead of forgetting.
 */
export const memoryReplayStore = (
  options: { readonly maxEntries?: number; readonly clock?: () => number } = {},
): ReplayStore => {
  refuseUnknown('memoryReplayStore options', options, ['maxEntries', 'clock'])
  optionalFunction('clock', options.clock)
  const { clock = Date.now } = options
  const maxEntries = numberIn('maxEntries', options.maxEntries, MAX_ENTRIES, 100, 10_000_000)
  const share = Math.floor(maxEntries / 10)
  const used = new Map<string, ProofUse>()
  const perOwner = new Map<string, number>()

  const forget = ({ id, owner }: ProofUse): void => {
    used.delete(id)
    const left = (perOwner.get(owner) ?? 1) - 1
    if (left === 0) perOwner.delete(owner)
    else perOwner.set(owner, left)
  }

  /** All expire about as long after they come, so the oldest entries are those to look at. */
  const sweep = (now: number): void => {
    for (const use of used.values()) {
      if (use.expiresAtMs > now) return
      forget(use)
    }
  }

  return {
    claim(use) {
      sweep(clock())
      if (used.has(use.id)) return false
      const own = perOwner.get(use.owner) ?? 0
      if (used.size >= maxEntries || own >= share) {
        throw unavailable('used proofs', new Error('too many are remembered'), Math.max(1, use.expiresAtMs - clock()))
      }
      used.set(use.id, use)
      perOwner.set(use.owner, own + 1)
      return true
    },
  }
}
