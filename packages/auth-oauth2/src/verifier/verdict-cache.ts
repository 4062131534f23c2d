interface Entry<V> {
  readonly value: V
  used: boolean
}

/** A bounded map: when it is full the oldest entry goes that was not used since it was last considered. */
export const createVerdictCache = <V>(maxEntries: number) => {
  const entries = new Map<string, Entry<V>>()

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
    get(digest: string): V | undefined {
      const entry = entries.get(digest)
      if (entry === undefined) return undefined
      entry.used = true
      return entry.value
    },
    set(digest: string, value: V): void {
      if (maxEntries === 0) return
      if (entries.size >= maxEntries && !entries.has(digest)) makeRoom()
      entries.set(digest, { value, used: false })
    },
    delete: (digest: string): void => {
      entries.delete(digest)
    },
    get size() {
      return entries.size
    },
  }
}
