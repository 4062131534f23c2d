import { optionsError, refuseUnknown } from '../errors.ts'
import { watchFile } from '../files/watch-file.ts'
import type { ConfigEvent } from '../types.ts'
import { changedPointers } from './difference.ts'
import type { Session } from './session.ts'

export interface WatchOptions {
  readonly signal?: AbortSignal
  readonly pollMs?: number
}

/** What happened, and whether it is the same again: a file that stays bad is told once for each time that it changes. */
const follow = async (session: Session): Promise<ConfigEvent | undefined> => {
  const before = session.state
  try {
    await session.reload()
  } catch (error) {
    return session.isDisposed ? undefined : { kind: 'failed', error }
  }
  const { state } = session
  if (state === before || state.kind !== 'sealed') return undefined
  const pointers = changedPointers(before.content.root, state.content.root)
  const same = before.kind === 'sealed' && before.file.header.rev === state.file.header.rev
  return same ? undefined : { kind: 'changed', rev: state.file.header.rev, pointers }
}

/** See `Config.watch`. */
export const watchConfig = (session: Session, options: WatchOptions = {}): AsyncIterableIterator<ConfigEvent> => {
  refuseUnknown('watch', options, ['signal', 'pollMs'])
  const { signal, pollMs = 1000 } = options
  if (!Number.isSafeInteger(pollMs) || pollMs < 10 || pollMs > 3_600_000) throw optionsError('pollMs is 10 to 3600000')
  const events: ConfigEvent[] = []
  const waiting: (() => void)[] = []
  let ended = signal?.aborted === true
  let looking: Promise<void> | undefined
  let again = false

  const wake = (): void => {
    for (const resume of waiting.splice(0)) resume()
  }
  const look = async (): Promise<void> => {
    do {
      again = false
      if (session.isDisposed) return end()
      const event = await follow(session)
      if (event && !ended) events.push(event)
      wake()
    } while (again && !ended)
    looking = undefined
  }
  const onChange = (): void => {
    again = true
    looking ??= look()
  }
  const watching = ended ? undefined : watchFile(session.path, pollMs, onChange)
  const end = (): void => {
    ended = true
    watching?.close()
    session.offDispose(end)
    signal?.removeEventListener('abort', end)
    wake()
  }
  signal?.addEventListener('abort', end)
  session.onDispose(end)
  // What happened between the last read and the watch.
  if (!ended) onChange()

  return {
    next: async () => {
      for (;;) {
        const event = events.shift()
        if (event) return { done: false, value: event }
        if (ended) return { done: true, value: undefined }
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    return: async () => {
      end()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
