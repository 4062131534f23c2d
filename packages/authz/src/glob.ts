/** `*`: a run that may not cross some characters. */
export const RUN = 1
/** `**`: a run of anything. */
export const ANY = 2
/** Two stars between slashes: no directory or any number of them, each with its slash. */
export const DIRS = 3

/** A pattern is literal text and wildcards; a string is never empty and never beside another string. */
export type Token = string | typeof RUN | typeof ANY | typeof DIRS

/** Says whether RUN may run over a character. */
export type Crosses = (code: number) => boolean

const SLASH = 0x2f

/** Two rows of reachable positions, kept between calls; a longer text gets rows of its own. */
let rowA = new Uint8Array(1025)
let rowB = new Uint8Array(1025)

/**
 * Matches a whole text. For each token the set of positions that are reachable after it is computed from the set before it, so the work is at most
 * text length x pattern length whatever either of them holds: there is no backtracking.
 */
export function matches(tokens: readonly Token[], text: string, crosses: Crosses): boolean {
  const size = text.length + 1
  if (rowA.length < size) {
    rowA = new Uint8Array(size)
    rowB = new Uint8Array(size)
  }
  let current = rowA
  let next = rowB
  current.fill(0, 0, size)
  current[0] = 1
  for (const token of tokens) {
    next.fill(0, 0, size)
    if (!step(token, text, crosses, current, next)) return false
    const swap = current
    current = next
    next = swap
  }
  return current[text.length] === 1
}

function step(token: Token, text: string, crosses: Crosses, current: Uint8Array, next: Uint8Array): boolean {
  let alive = false
  if (typeof token === 'string') {
    const last = text.length - token.length
    for (let i = 0; i <= last; i++) {
      if (current[i] !== 1 || !text.startsWith(token, i)) continue
      next[i + token.length] = 1
      alive = true
    }
    return alive
  }
  let running = false
  for (let i = 0; i <= text.length; i++) {
    const started = current[i] === 1
    if (token === RUN && running && !crosses(text.charCodeAt(i - 1))) running = false
    if (started || (running && (token !== DIRS || text.charCodeAt(i - 1) === SLASH))) {
      next[i] = 1
      alive = true
    }
    if (started) running = true
  }
  return alive
}

/** Wildcards and single characters, so that two patterns can be walked side by side. */
type Unit = number | { readonly wild: typeof RUN | typeof ANY } | { readonly skip: 2 }

function units(tokens: readonly Token[]): Unit[] {
  const out: Unit[] = []
  for (const token of tokens) {
    if (typeof token === 'string') for (let i = 0; i < token.length; i++) out.push(token.charCodeAt(i))
    else if (token === DIRS) out.push({ skip: 2 }, { wild: ANY }, SLASH)
    else out.push({ wild: token })
  }
  return out
}

/** True if some text is matched by both patterns. Work: product of the two lengths. */
export function intersects(a: readonly Token[], b: readonly Token[], crosses: Crosses): boolean {
  return walk(units(a), units(b), crosses, true)
}

/** True only if `outer` matches every text that `inner` matches; may answer false where that is so but takes two parts of `outer` to see. */
export function covers(outer: readonly Token[], inner: readonly Token[], crosses: Crosses): boolean {
  return walk(units(outer), units(inner), crosses, false)
}

/** Reachability over pairs of positions. `both`: wildcards of `b` may stand for any text (intersection), else `a` has to absorb them (inclusion). */
function walk(a: readonly Unit[], b: readonly Unit[], crosses: Crosses, both: boolean): boolean {
  const width = b.length + 1
  const reached = new Uint8Array((a.length + 1) * width)
  const queue: number[] = [0]
  reached[0] = 1
  const visit = (i: number, j: number): void => {
    const at = i * width + j
    if (reached[at] === 1) return
    reached[at] = 1
    queue.push(at)
  }
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const i = Math.floor(at / width)
    const j = at % width
    if (i === a.length && j === b.length) return true
    const x = a[i]
    const y = b[j]
    if (typeof x === 'object') {
      visit(i + 1, j)
      if ('skip' in x) visit(i + 1 + x.skip, j)
      else if (y !== undefined && absorbs(x.wild, y, crosses)) visit(i, j + 1)
    }
    if (typeof y === 'object') {
      if (both) {
        visit(i, j + 1)
        if ('skip' in y) visit(i, j + 1 + y.skip)
        else if (x !== undefined && absorbs(y.wild, x, crosses)) visit(i + 1, j)
      } else if ('skip' in y && typeof x === 'object') {
        // An optional part of `inner` must be absorbed whole: a walk through it would forget the texts without it.
        if ('skip' in x) visit(i + 1 + x.skip, j + 1 + y.skip)
        else if (x.wild === ANY) visit(i, j + 1 + y.skip)
      }
    }
    if (typeof x === 'number' && x === y) visit(i + 1, j + 1)
  }
  return false
}

function absorbs(wild: typeof RUN | typeof ANY, unit: Unit, crosses: Crosses): boolean {
  if (typeof unit === 'number') return wild === ANY || crosses(unit)
  return !('skip' in unit) && (wild === ANY || unit.wild === RUN)
}
