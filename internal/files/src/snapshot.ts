import { type BigIntStats, statSync } from 'node:fs'
import { errnoOf, FileError } from './errors.ts'
import { createPathWatch } from './path-watch.ts'
import { readTextAndStat } from './read.ts'

export interface SnapshotOptions {
  /** The file is looked at at most once in this time, unless a watch says that it changed. Default 250. */
  intervalMs?: number
  /**
   * Watches the folder too, so that a change by any process is seen at once (a turn of the event loop after the system says so). Where the system says nothing (its
   * watches are used up, a network mount, a write through a mapping or another link), `intervalMs` holds. Default `false`.
   */
  watch?: boolean
  /** Key material, see `readTextFile`. Default `true`. */
  secret?: boolean
  /** Default 1,048,576. */
  maxBytes?: number
  /** Monotonic milliseconds; default `performance.now`. */
  clock?: () => number
}

export interface FileSnapshot<T> {
  /** The parsed content, at most `intervalMs` old; `undefined` while the file is absent. Throws what reading or `parse` threw, until that is mended. */
  current(): T | undefined
  /** As `current`, but looks at the file now. */
  refresh(): T | undefined
  /** Ends the watch and may be called twice; asked after that, the file is looked at every `intervalMs`. A watch that is not closed keeps no process alive. */
  close(): void
}

type State<T> = { kind: 'absent' } | { kind: 'value'; value: T; seen: string } | { kind: 'error'; error: unknown }

const fingerprint = (stat: BigIntStats): string =>
  `${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}:${stat.dev}:${stat.size}`

// File times move in steps of the kernel's clock tick (up to 10 ms); a change within one step of the last one would go unseen.
const settledAfterNs = 50_000_000n

/**
 * Keeps the parsed content of a file that other processes may replace, without timers: `current()` looks at the file's stat when asked, and reads it
 * again only when that has changed or, with `watch`, when the system said that something happened to it.
 */
export const createFileSnapshot = <T>(
  path: string,
  parse: (text: string) => T,
  options: SnapshotOptions = {},
): FileSnapshot<T> => {
  const { intervalMs = 250, secret = true, maxBytes = 1_048_576, clock = () => performance.now() } = options
  let state: State<T> | undefined
  let lookedAt = 0
  let said = true
  let watched = options.watch === true ? createPathWatch(path, () => (said = true)) : undefined

  let first = { print: '', atMs: 0 }

  /** Whether a change from now on would give the file another time: by its age, or, where clocks disagree, because it has been seen like this for long enough. */
  const isSettled = (stat: BigIntStats): boolean => {
    const print = fingerprint(stat)
    if (first.print !== print) first = { print, atMs: clock() }
    const ageNs = BigInt(Date.now()) * 1_000_000n - stat.ctimeNs
    return ageNs > settledAfterNs || clock() - first.atMs > Number(settledAfterNs) / 1e6
  }

  const read = (): State<T> => {
    try {
      const { text, stat } = readTextAndStat(path, { secret, maxBytes })
      return { kind: 'value', value: parse(text), seen: isSettled(stat) ? fingerprint(stat) : '' }
    } catch (error) {
      if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return { kind: 'absent' }
      return { kind: 'error', error }
    }
  }

  const unchanged = (): boolean => {
    if (state?.kind !== 'value' || state.seen === '') return false
    try {
      return fingerprint(statSync(path, { bigint: true })) === state.seen
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
      return false
    }
  }

  const settle = (): T | undefined => {
    if (state?.kind === 'error') throw state.error
    return state?.kind === 'value' ? state.value : undefined
  }

  const refresh = (): T | undefined => {
    lookedAt = clock()
    const heard = said
    said = false
    // Always watched first and looked at then, so that nothing happens between the two unheard.
    if (heard || watched?.complete() === false) watched?.arm()
    // What was heard of is read whatever the stat says: a write gives the file its time before it gives it all its content.
    if (!heard) {
      if (unchanged()) return settle()
      watched?.arm()
    }
    state = read()
    return settle()
  }

  return {
    refresh,
    current: () => (said || clock() - lookedAt >= intervalMs ? refresh() : settle()),
    close: () => {
      watched?.close()
      watched = undefined
    },
  }
}
