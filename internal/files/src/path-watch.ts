import { type FolderListener, listenTo, stopListening } from './folder-watch.ts'
import { trace } from './trace.ts'

/** Hears of changes to what a path leads to, through every symbolic link on the way. */
export interface PathWatch {
  /** Looks where the path leads now and listens there. What happens after it returned is heard of, so look at the file after it. */
  arm(): void
  /** Whether all of the path is listened to; where the system gives no watch, arm again later. */
  complete(): boolean
  close(): void
}

interface Ear {
  readonly names: Set<string>
  readonly listener: FolderListener
}

// A path that leads elsewhere each time it is followed is followed again at the next look.
const maxPasses = 4

export const createPathWatch = (path: string, onChange: () => void): PathWatch => {
  const ears = new Map<string, Ear>()
  let last = ''
  let complete = false

  const earAt = (folder: string): Ear => {
    const names = new Set<string>()
    const listener = (name: string | undefined): void => {
      if (name === undefined || names.has(name)) onChange()
    }
    const ear = { names, listener }
    ears.set(folder, ear)
    return ear
  }

  const leave = (folder: string, ear: Ear): void => {
    stopListening(folder, ear.listener)
    ears.delete(folder)
  }

  /** Whether nothing was to be done: then what was read of the way before the watches stood still holds. */
  const pass = (): boolean => {
    const places = trace(path)
    const way = JSON.stringify(places)
    for (const ear of ears.values()) ear.names.clear()
    for (const { folder, name } of places) (ears.get(folder) ?? earAt(folder)).names.add(name)
    let same = way === last
    last = way
    complete = true
    for (const [folder, ear] of ears) {
      if (ear.names.size === 0) {
        leave(folder, ear)
        continue
      }
      const heard = listenTo(folder, ear.listener)
      if (heard === 'new') same = false
      if (heard === 'none') complete = false
    }
    return same
  }

  return {
    arm: () => {
      try {
        for (let n = 0; n < maxPasses; n++) if (pass()) return
      } catch {
        // A link or the working directory vanished under it.
      }
      complete = false
    },
    complete: () => complete,
    close: () => {
      for (const [folder, ear] of ears) leave(folder, ear)
    },
  }
}
