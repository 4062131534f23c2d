/** What is known of a token, kept by its digest. */
export interface Verdict<T> {
  readonly result: T
  /** Until when it holds by the wall clock and by the monotonic one. */
  readonly expiresAtMs: number
  readonly freshUntilMs: number
  /** Whether what it rests on still stands. */
  readonly stands?: () => boolean
}

interface Entry<T> {
  readonly verdict: Verdict<T>
  used: boolean
}

/** A bounded map: when it is full the oldest entry goes that was not used since it was last considered. */
export const createVerdictCache = <T>(maxEntries: number) => {
  const entries = new Map<string, Entry<T>>()

  const makeRoom = (): void => {
    // Ends: each turn either removes an entry or takes a mark away that only `get` sets.
    for (const [digest, entry] of entries) {
      entries.delete(digest)
      if (!entry.used) return
      entry.used = false
      entries.set(digest, entry)
    }
  }

  return {
    get(digest: string): Verdict<T> | undefined {
      const entry = entries.get(digest)
      if (entry === undefined) return undefined
      entry.used = true
      return entry.verdict
    },
    set(digest: string, verdict: Verdict<T>): void {
      if (maxEntries === 0) return
      if (entries.size >= maxEntries && !entries.has(digest)) makeRoom()
      entries.set(digest, { verdict, used: false })
    },
    delete: (digest: string): void => {
      entries.delete(digest)
    },
    get size() {
      return entries.size
    },
  }
}
