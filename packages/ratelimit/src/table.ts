import { randomBytes } from 'node:crypto'
import { copyWindow, type Window } from './window.ts'

const OVERFLOW_ENTRIES = 64
const SWEEP = 2
const SEARCH = 16

/** All windows of one key; `windows[i]` belongs to the i-th configured limit and is absent until that is charged. */
export interface Entry {
  readonly key: string
  windows: (Window | undefined)[]
  /** From then on every window is empty. */
  expiresMs: number
  place: number
}

/** Keys to entries, bounded: an entry is taken away only when all its windows are empty. */
export interface Table {
  /** The entry that holds what is known of the key: its own, else the shared one if that is in use. */
  find(key: string, nowMs: number): Entry | undefined
  /** Only the key's own entry. */
  own(key: string): Entry | undefined
  /** An entry to charge: the key's own, a new one, or in a table full of keys in use a shared one. */
  claim(key: string, nowMs: number): Entry
  remove(entry: Entry): void
  clear(): void
  readonly size: number
  readonly overflowed: number
}

export function createTable(maxKeys: number, limits: number): Table {
  const entries = new Map<string, Entry>()
  // The same entries in an array, over which a hand goes round in search of empty ones.
  const places: Entry[] = []
  const shared: (Entry | undefined)[] = []
  // Copied, because an array that starts empty reserves room for seventeen.
  const blank = Array.from<undefined>({ length: limits })
  const seed = randomBytes(4).readInt32LE()
  let hand = 0
  let overflowed = 0

  const createEntry = (key: string): Entry => ({ key, windows: blank.slice(), expiresMs: 0, place: -1 })

  const remove = (entry: Entry): void => {
    if (entries.get(entry.key) !== entry) return
    entries.delete(entry.key)
    const last = places.pop() as Entry
    if (last === entry) return
    places[entry.place] = last
    last.place = entry.place
  }

  /** Looks at the next few entries; the work for a new key is bounded whatever the table holds. */
  const sweep = (nowMs: number, steps: number, untilFree: boolean): void => {
    for (let i = 0; i < steps && places.length > 0; i++) {
      if (untilFree && places.length < maxKeys) return
      if (hand >= places.length) hand = 0
      const entry = places[hand] as Entry
      if (entry.expiresMs <= nowMs) remove(entry)
      else hand++
    }
  }

  const sharedIndex = (key: string): number => {
    let hash = seed
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
    return (hash ^ (hash >>> 15)) & (OVERFLOW_ENTRIES - 1)
  }

  const sharedInUse = (key: string, nowMs: number): Entry | undefined => {
    if (overflowed === 0) return undefined
    const entry = shared[sharedIndex(key)]
    return entry !== undefined && entry.expiresMs > nowMs ? entry : undefined
  }

  return {
    find: (key, nowMs) => entries.get(key) ?? sharedInUse(key, nowMs),
    own: (key) => entries.get(key),
    claim(key, nowMs) {
      const known = entries.get(key)
      if (known !== undefined) return known
      sweep(nowMs, SWEEP, false)
      sweep(nowMs, SEARCH, true)
      const before = sharedInUse(key, nowMs)
      if (places.length >= maxKeys) {
        overflowed++
        const index = sharedIndex(key)
        const entry = before ?? createEntry('')
        shared[index] = entry
        return entry
      }
      const entry = createEntry(key)
      if (before !== undefined) {
        // The key may have charged the shared entry: to start anew would admit it twice.
        entry.windows = before.windows.map((window) => (window === undefined ? undefined : copyWindow(window)))
        entry.expiresMs = before.expiresMs
      }
      entry.place = places.push(entry) - 1
      entries.set(key, entry)
      return entry
    },
    remove,
    clear() {
      entries.clear()
      places.length = 0
      shared.length = 0
    },
    get size() {
      return entries.size
    },
    get overflowed() {
      return overflowed
    },
  }
}
