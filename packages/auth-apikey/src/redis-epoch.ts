/**
 * What of a cache may still be believed. Every change moves the store's epoch; what was read belongs to the generation in which the epoch stood where it stands
 * now. A generation ends whenever a change may have been missed.
 */
export interface EpochWatch {
  /** What was read in another generation must be read again. */
  readonly generation: number
  /** Whether the epoch was seen by a read that began less than `maxStaleMs` ago. */
  isFresh(): boolean
  /** The epoch that came with a record asked for at `beganAtMs`: whether it is the one all else was read under. */
  saw(epoch: string, beganAtMs: number): boolean
  /** A change of one record, our own or one we were told of: whether it is `next` after what is known, `known` already, or something between was `missed`. */
  moved(before: string, after: string): 'next' | 'known' | 'missed'
  /** A change may have been missed: everything is read again. */
  lost(): void
  /** Asks for the epoch now. */
  poll(): Promise<void>
  close(): void
}

export const watchEpoch = (options: {
  readonly maxStaleMs: number
  readonly pollMs: number
  readonly clock: () => number
  /** Rejects when the store does not answer. */
  readonly read: () => Promise<string>
}): EpochWatch => {
  const { maxStaleMs, pollMs, clock, read } = options
  let current: string | undefined
  let seenAtMs = Number.NEGATIVE_INFINITY
  let generation = 0
  let polling: Promise<void> | undefined
  let closed = false

  const lost = (): void => {
    generation++
    current = undefined
    seenAtMs = Number.NEGATIVE_INFINITY
  }

  const pollNow = async (): Promise<void> => {
    const beganAtMs = clock()
    const began = generation
    const known = current
    try {
      const epoch = await read()
      // One that was under way when a change was missed tells nothing about it.
      if (closed || began !== generation) return
      // What was known when it began has since moved on by changes that all were heard of, if at all.
      if (epoch !== current && epoch !== known) {
        generation++
        current = epoch
      }
      seenAtMs = beganAtMs
    } catch {
      // Unseen, the epoch grows stale, which is all there is to do.
    }
  }
  const poll = (): Promise<void> => {
    if (polling !== undefined) return polling
    const began = generation
    polling = pollNow().then(() => {
      polling = undefined
      // Lost while it was under way: it was no answer to that.
      return began !== generation && current === undefined && !closed ? poll() : undefined
    })
    return polling
  }

  const timer = setInterval(() => void poll(), pollMs).unref()

  return {
    get generation() {
      return generation
    },
    isFresh: () => {
      const ageMs = clock() - seenAtMs
      return ageMs >= 0 && ageMs < maxStaleMs
    },
    saw: (epoch, beganAtMs) => {
      if (current === undefined) {
        current = epoch
        seenAtMs = beganAtMs
        return true
      }
      if (epoch === current) {
        seenAtMs = Math.max(seenAtMs, beganAtMs)
        return true
      }
      lost()
      void poll()
      return false
    },
    moved: (before, after) => {
      if (current === after) return 'known'
      if (current === before) {
        current = after
        return 'next'
      }
      lost()
      void poll()
      return 'missed'
    },
    lost,
    poll,
    close: () => {
      closed = true
      lost()
      clearInterval(timer)
    },
  }
}
