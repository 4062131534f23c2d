import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename } from 'node:path'

/** Is told the name that changed in the folder; `undefined` when it may be any, or the folder itself. */
export type FolderListener = (name: string | undefined) => void

interface Watched {
  readonly identity: string
  readonly watcher: FSWatcher
  readonly listeners: Set<FolderListener>
}

// One watch a folder, however many listen: the system gives each user few of them.
const folders = new Map<string, Watched>()

const identityOf = (folder: string): string => {
  const { dev, ino } = statSync(folder, { bigint: true })
  return `${dev}:${ino}`
}

const tell = (watched: Watched, name: string | undefined): void => {
  for (const listener of watched.listeners) listener(name)
}

const end = (folder: string, watched: Watched): void => {
  if (folders.get(folder) === watched) folders.delete(folder)
  watched.watcher.close()
  tell(watched, undefined)
  watched.listeners.clear()
}

const open = (folder: string, identity: string): Watched => {
  const own = basename(folder)
  const said = (event: string, name: string | null): void => {
    if (name !== own && name !== null) tell(watched, name)
    // The folder itself was moved or removed (or something of its name in it was): what is watched may be no folder any more.
    else if (event === 'rename') end(folder, watched)
    else tell(watched, undefined)
  }
  const watched: Watched = {
    identity,
    watcher: watch(folder, { persistent: false }, said),
    listeners: new Set(),
  }
  watched.watcher.on('error', () => end(folder, watched))
  folders.set(folder, watched)
  return watched
}

/**
 * Listens to a folder: `new` when `listener` did not listen to what stands there now, `kept` when it did, `none` where the system gives no watch.
 * A folder that is moved or removed says so and is listened to no longer.
 */
export const listenTo = (folder: string, listener: FolderListener): 'new' | 'kept' | 'none' => {
  try {
    // Asked before the watch: if the folder is exchanged between the two, the next call finds another identity and watches anew.
    const identity = identityOf(folder)
    const before = folders.get(folder)
    if (before && before.identity !== identity) end(folder, before)
    const watched = folders.get(folder) ?? open(folder, identity)
    if (watched.listeners.has(listener)) return 'kept'
    watched.listeners.add(listener)
    return 'new'
  } catch {
    return 'none'
  }
}

/** The last one to go closes the watch. */
export const stopListening = (folder: string, listener: FolderListener): void => {
  const watched = folders.get(folder)
  if (!watched?.listeners.delete(listener) || watched.listeners.size > 0) return
  folders.delete(folder)
  watched.watcher.close()
}
