import { createKeyHash, HASH_END } from './hash.ts'

const OVERFLOW_SLOTS = 64
const SWEEP = 4
const SEARCH = 512

/**
 * Keys to slots, of which there are `maxKeys` and half as many again: open addressing with linear probing in one typed array, set aside at once. A slot is the
 * hash of its key and the words of each limit; the key itself is not kept. A slot is freed only when all its limits are idle.
 */
export interface Table {
  /** All slots, `stride` words each; the first word holds the hashes. */
  readonly words: Float64Array
  readonly stride: number
  /** What does not fit in words, by limit. */
  readonly details: readonly Details[]
  /** The slot that holds what is known of the key: its own, else the shared one if that is in use, else one that is always blank. */
  find(key: string, nowMs: number): number
  /** The key's own slot, or -1. */
  own(key: string): number
  /** A slot to charge: the key's own, a new one, or in a table full of keys in use a shared one. */
  claim(key: string, nowMs: number): number
  remove(slot: number): void
  clear(): void
  readonly size: number
  readonly overflowed: number
}

/** What a limit keeps for slots besides words; there is room for it only once it is needed. */
export interface Details {
  at(slot: number): unknown
  put(slot: number, detail: unknown): void
}

function createDetails(slots: number): Details {
  let all: unknown[] | undefined
  return {
    at: (slot) => all?.[slot],
    put(slot, detail) {
      if (all === undefined) {
        if (detail === undefined) return
        all = []
        // Room for all at once, without writing to it.
        all.length = slots
      }
      all[slot] = detail
    },
  }
}

export interface TableOptions {
  readonly maxKeys: number
  /** Words a slot besides the hash. */
  readonly words: number
  /** Limits that keep details. */
  readonly details: number
  /** Whether nothing counts in a slot any more. */
  readonly isIdle: (slot: number, nowMs: number) => boolean
  /** Makes a slot, which is blank, hold the same as another. */
  readonly copy: (from: number, to: number) => void
}

export function createTable({ maxKeys, words: wordsEach, details: detailed, isIdle, copy }: TableOptions): Table {
  const capacity = Math.ceil(maxKeys * 1.5) + 1
  const firstShared = capacity
  const blank = capacity + OVERFLOW_SLOTS
  const stride = 1 + wordsEach
  const words = new Float64Array((blank + 1) * stride)
  const hashes = new Uint32Array(words.buffer)
  const details = Array.from({ length: detailed }, () => createDetails(blank + 1))
  const hash = createKeyHash()
  const places = capacity / HASH_END
  let size = 0
  let hand = 0
  let overflowed = 0
  // Calls come in runs of one key: the last one's hashes are remembered.
  let lastKey: string | undefined
  let lastSlot = -1

  const lowAt = (slot: number): number => hashes[slot * stride * 2] as number
  const isEmpty = (slot: number): boolean => lowAt(slot) === 0

  /** The key's slot, or -1; `hash` is that of the key afterwards. */
  const own = (key: string): number => {
    if (key !== lastKey) {
      hash.read(key)
      lastKey = key
      lastSlot = -1
    }
    const { low, high } = hash
    if (lastSlot >= 0) {
      const at = lastSlot * stride * 2
      if (hashes[at] === low && hashes[at + 1] === high) return lastSlot
    }
    let slot = Math.floor(low * places)
    for (;;) {
      const at = slot * stride * 2
      const there = hashes[at]
      if (there === low && hashes[at + 1] === high) {
        lastSlot = slot
        return slot
      }
      if (there === 0) return -1
      if (++slot === capacity) slot = 0
    }
  }

  const wipe = (slot: number): void => {
    words.fill(0, slot * stride, (slot + 1) * stride)
    for (const each of details) each.put(slot, undefined)
  }

  /** Closes the gap, so that no probe ends before what it looks for (Knuth, TAOCP vol. 3, 6.4, algorithm R). */
  const remove = (slot: number): void => {
    size--
    let gap = slot
    for (let next = slot; ; ) {
      if (++next === capacity) next = 0
      if (isEmpty(next)) break
      const home = Math.floor(lowAt(next) * places)
      const stays = gap < next ? home > gap && home <= next : home > gap || home <= next
      if (stays) continue
      words.copyWithin(gap * stride, next * stride, (next + 1) * stride)
      for (const each of details) each.put(gap, each.at(next))
      gap = next
    }
    wipe(gap)
  }

  /** Looks at the next few slots; the work for a new key is bounded whatever the table holds. */
  const sweep = (nowMs: number, steps: number, untilFree: boolean): void => {
    for (let i = 0; i < steps; i++) {
      if (untilFree && size < maxKeys) return
      if (!isEmpty(hand) && isIdle(hand, nowMs)) remove(hand)
      else if (++hand === capacity) hand = 0
    }
  }

  const shared = (): number => firstShared + (hash.high & (OVERFLOW_SLOTS - 1))
  const sharedInUse = (nowMs: number): number => {
    if (overflowed === 0) return blank
    const slot = shared()
    return isIdle(slot, nowMs) ? blank : slot
  }

  const insert = (): number => {
    let slot = Math.floor(hash.low * places)
    while (!isEmpty(slot)) if (++slot === capacity) slot = 0
    hashes[slot * stride * 2] = hash.low
    hashes[slot * stride * 2 + 1] = hash.high
    size++
    lastSlot = slot
    return slot
  }

  return {
    words,
    stride,
    details,
    own,
    find(key, nowMs) {
      const slot = own(key)
      return slot >= 0 ? slot : sharedInUse(nowMs)
    },
    claim(key, nowMs) {
      const known = own(key)
      if (known >= 0) return known
      sweep(nowMs, SWEEP, false)
      sweep(nowMs, SEARCH, true)
      const before = sharedInUse(nowMs)
      if (size >= maxKeys) {
        overflowed++
        if (before === blank) wipe(shared())
        return shared()
      }
      const slot = insert()
      // The key may have charged the shared slot: to start anew would admit it twice.
      if (before !== blank) copy(before, slot)
      return slot
    },
    remove,
    clear() {
      words.fill(0)
      for (let slot = 0; slot <= blank; slot++) for (const each of details) each.put(slot, undefined)
      size = 0
    },
    get size() {
      return size
    },
    get overflowed() {
      return overflowed
    },
  }
}
