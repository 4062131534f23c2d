/*
 * Aho, Corasick: Efficient String Matching (1975), over bytes. States near the root, where nearly all bytes of other texts are spent, have a full row of transitions;
 * deeper ones, which are many, have theirs in one hash table and fall back as the paper says. Rows have a column for each byte that occurs in a pattern, and one for
 * all others.
 */

const denseDepth = 2

/** Finds many patterns in one pass, whatever the pieces in which the text comes. */
export class Automaton {
  readonly #classes = new Uint8Array(256)
  readonly #width: number
  readonly #rows: Int32Array
  /** States below this have a row. */
  readonly #dense: number
  readonly #fail: Int32Array
  readonly #depth: Int32Array
  readonly #longest: Int32Array
  readonly #pattern: Int32Array
  readonly #edges: Edges

  constructor(patterns: readonly Uint8Array[]) {
    const trie = buildTrie(patterns)
    const { size, parent, byte, depth, edges } = trie
    this.#edges = edges
    this.#depth = depth
    this.#width = numberClasses(patterns, this.#classes)
    this.#dense = depth.findIndex((each) => each > denseDepth)
    if (this.#dense < 0) this.#dense = size
    this.#fail = new Int32Array(size)
    this.#longest = new Int32Array(size)
    this.#pattern = trie.terminal
    this.#rows = new Int32Array(this.#dense * this.#width)
    // States are numbered by depth: what a state falls back to is ready before it.
    for (let state = 0; state < size; state++) {
      if ((depth[state] ?? 0) > 1) {
        this.#fail[state] = this.step(this.#fail[parent[state] ?? 0] ?? 0, byte[state] ?? 0)
      }
      this.#inherit(state)
      if (state < this.#dense) this.#fillRow(state)
    }
  }

  #inherit(state: number): void {
    const fail = this.#fail[state] ?? 0
    if (state > 0 && (this.#pattern[state] ?? -1) >= 0) this.#longest[state] = this.#depth[state] ?? 0
    else {
      this.#longest[state] = this.#longest[fail] ?? 0
      this.#pattern[state] = this.#pattern[fail] ?? -1
    }
  }

  #fillRow(state: number): void {
    const row = state * this.#width
    const back = (this.#fail[state] ?? 0) * this.#width
    if (state > 0) this.#rows.copyWithin(row, back, back + this.#width)
    for (let byte = 0; byte < 256; byte++) {
      const child = this.#edges.get(state, byte)
      if (child > 0) this.#rows[row + (this.#classes[byte] ?? 0)] = child
    }
  }

  /** The state after one more byte. */
  step(from: number, byte: number): number {
    let state = from
    while (state >= this.#dense) {
      const child = this.#edges.get(state, byte)
      if (child > 0) return child
      state = this.#fail[state] ?? 0
    }
    return this.#rows[state * this.#width + (this.#classes[byte] ?? 0)] ?? 0
  }

  /** How many of the bytes behind a state may be the beginning of a pattern. */
  depthOf(state: number): number {
    return this.#depth[state] ?? 0
  }

  /**
   * Runs over the bytes from `state` on.
   * @param onMatch is told where a pattern ends, how long it is, and which it is; only the longest of those that end there
   * @returns the state behind them
   */
  scan(
    bytes: Uint8Array,
    from: number,
    state: number,
    onMatch: (end: number, length: number, pattern: number) => void,
  ): number {
    const [rows, classes, longest, width, dense] = [this.#rows, this.#classes, this.#longest, this.#width, this.#dense]
    let at = state
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i] as number
      at = at < dense ? (rows[at * width + (classes[byte] as number)] as number) : this.step(at, byte)
      if ((longest[at] as number) > 0) onMatch(i + 1, longest[at] as number, this.#pattern[at] as number)
    }
    return at
  }
}

/** Transitions of the trie by state and byte; open addressing, never more than half full. */
class Edges {
  readonly #keys: Uint32Array
  readonly #values: Int32Array
  readonly #mask: number

  constructor(count: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, count * 2)))
    this.#keys = new Uint32Array(capacity)
    this.#values = new Int32Array(capacity)
    this.#mask = capacity - 1
  }

  #slot(state: number, byte: number): number {
    const key = (state * 256 + byte + 1) >>> 0
    let slot = Math.imul(key, 0x9e3779b1) >>> 0
    slot = (slot ^ (slot >>> 15)) & this.#mask
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== key) slot = (slot + 1) & this.#mask
    return slot
  }

  /** 0 where there is none: nothing leads to the root. */
  get(state: number, byte: number): number {
    return this.#values[this.#slot(state, byte)] as number
  }

  set(state: number, byte: number, to: number): void {
    const slot = this.#slot(state, byte)
    this.#keys[slot] = state * 256 + byte + 1
    this.#values[slot] = to
  }
}

interface Trie {
  readonly size: number
  readonly parent: Int32Array
  readonly byte: Uint8Array
  readonly depth: Int32Array
  /** The pattern that ends at a state, else -1. */
  readonly terminal: Int32Array
  readonly edges: Edges
}

/** Level by level, so that states are numbered by their depth. */
const buildTrie = (patterns: readonly Uint8Array[]): Trie => {
  const total = patterns.reduce((sum, { length }) => sum + length, 1)
  const edges = new Edges(total)
  const [parent, depth] = [new Int32Array(total), new Int32Array(total)]
  const byte = new Uint8Array(total)
  const terminal = new Int32Array(total).fill(-1)
  const at = new Int32Array(patterns.length)
  let size = 1
  let open = [...patterns.keys()]
  for (let level = 0; open.length > 0; level++) {
    open = open.filter((index) => level < (patterns[index]?.length ?? 0))
    for (const index of open) {
      const pattern = patterns[index] as Uint8Array
      const value = pattern[level] as number
      const from = at[index] as number
      let state = edges.get(from, value)
      if (state === 0) {
        state = size++
        edges.set(from, value, state)
        parent[state] = from
        byte[state] = value
        depth[state] = level + 1
      }
      at[index] = state
      if (level + 1 === pattern.length && terminal[state] === -1) terminal[state] = index
    }
  }
  return {
    size,
    parent,
    byte,
    depth: depth.subarray(0, size),
    terminal: terminal.subarray(0, size),
    edges,
  }
}

/** Classes begin at 1. Where all 256 bytes occur, the last keeps 0: there is no other byte that it could be taken for. */
const numberClasses = (patterns: readonly Uint8Array[], classes: Uint8Array): number => {
  let count = 1
  for (const pattern of patterns) {
    for (const byte of pattern) if (classes[byte] === 0 && count < 256) classes[byte] = count++
  }
  return count
}
