import { type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/** Something that ends. */
export interface Watching {
  close(): void
}

const fingerprintOf = (path: string): string => {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(':')
  } catch {
    return 'absent'
  }
}

const watchFolder = (path: string, look: () => void): FSWatcher | undefined => {
  try {
    const watcher = watch(dirname(path), { persistent: false }, look)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    // The system has no watch to give; the timer is left.
    return undefined
  }
}

/**
 * Calls `onChange` when another file stands at the path, or the same with another time or size. Its folder is watched, so that files and links that are exchanged are
 * seen; and it is looked at every `pollMs`, for what file systems do not tell. Keeps no process alive.
 */
export const watchFile = (path: string, pollMs: number, onChange: () => void): Watching => {
  let seen = fingerprintOf(path)
  const look = (): void => {
    const now = fingerprintOf(path)
    if (now === seen) return
    seen = now
    onChange()
  }
  const watcher = watchFolder(path, look)
  const timer = setInterval(look, pollMs)
  timer.unref()
  return {
    close: () => {
      watcher?.close()
      clearInterval(timer)
    },
  }
}
