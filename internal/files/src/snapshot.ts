import { type BigIntStats, statSync } from 'node:fs'
import { errnoOf, FileError } from './errors.ts'
import { readTextAndStat } from './read.ts'

export interface SnapshotOptions {
  /** The file is looked at at most once in this time. Default 250. */
  intervalMs?: number
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
}

type State<T> = { kind: 'absent' } | { kind: 'value'; value: T; seen: string } | { kind: 'error'; error: unknown }

const fingerprint = (stat: BigIntStats): string =>
  `${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}:${stat.dev}:${stat.size}`

// File times move in steps of the kernel's clock tick (up to 10 ms); a change within one step of the last one would go unseen.
const settledAfterNs = 50_000_000n

/**
 * Keeps the parsed content of a file that other processes may replace, without timers and watchers: `current()` looks at the file's stat
 * when asked, and reads it again only when that has changed.
 */
export const createFileSnapshot = <T>(
  path: string,
  parse: (text: string) => T,
  options: SnapshotOptions = {},
): FileSnapshot<T> => {
  const { intervalMs = 250, secret = true, maxBytes = 1_048_576, clock = () => performance.now() } = options
  let state: State<T> | undefined
  let lookedAt = 0

  const read = (): State<T> => {
    try {
      const { text, stat } = readTextAndStat(path, { secret, maxBytes })
      const settled = BigInt(Date.now()) * 1_000_000n - stat.ctimeNs > settledAfterNs
      return { kind: 'value', value: parse(text), seen: settled ? fingerprint(stat) : '' }
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
    if (!unchanged()) state = read()
    return settle()
  }

  return {
    refresh,
    current: () => (state === undefined || clock() - lookedAt >= intervalMs ? refresh() : settle()),
  }
}
