import { randomBytes } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf, FileError, reasonOf } from './errors.ts'
import { foreignStaleMs, type Holder, isAlive, thisProcess } from './process-info.ts'

/*
 * How a dead holder's lock is taken over without two takers. A lock never changes hands by removal: whoever finds `X.lock` held by a dead
 * process with token T creates `X.lock.T`, and creating a name is exclusive. A dead claimant is followed the same way, so the chain of names
 * that starts at `X.lock` has one end and one owner. The owner then renames its claim over `X.lock` and removes the rest of the chain; a claimant
 * that was still walking the old chain checks from the start again and finds itself outside. Tokens never come back.
 */

/** A lock that is held until `release`, which may be called twice. */
export interface FileLock {
  release(): void
}

type Walk = { held: Holder } | { free: string }

const parseHolder = (text: string, fallbackToken: string): Holder => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) {
      const { pid, start, space, token } = value as Record<string, unknown>
      if (
        Number.isSafeInteger(pid) &&
        typeof start === 'string' &&
        typeof space === 'string' &&
        typeof token === 'string' &&
        /^[0-9a-f]{24}$/.test(token)
      ) {
        return { pid: pid as number, start, space, token }
      }
    }
  } catch {
    // Names appear with their content, so an unreadable one is what a power failure left: nobody holds it.
  }
  return { pid: -1, start: '', space: '', token: fallbackToken }
}

const readHolder = (name: string): { holder: Holder; ageMs: number } | undefined => {
  try {
    const stat = statSync(name, { bigint: true })
    const ageMs = Date.now() - Number(stat.mtimeNs / 1_000_000n)
    return { holder: parseHolder(readFileSync(name, 'utf8'), `damaged-${stat.ino}-${stat.ctimeNs}`), ageMs }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const lives = ({ holder, ageMs }: { holder: Holder; ageMs: number }): boolean =>
  holder.pid > 0 && isAlive(holder, ageMs)

const walk = (root: string): Walk => {
  let name = root
  for (;;) {
    const found = readHolder(name)
    if (!found) return { free: name }
    if (lives(found)) return { held: found.holder }
    name = `${root}.${found.holder.token}`
  }
}

const exclusiveLink = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

const ourSuffix = /^(?:[0-9a-f]{24}(?:\.new)?|damaged-[0-9]+-[0-9]+)$/

/** Only the owner of the root calls this: every other name of a dead process is then outside the chain. */
const sweep = (root: string): void => {
  const prefix = `${basename(root)}.`
  for (const entry of readdirSync(dirname(root))) {
    if (!entry.startsWith(prefix) || !ourSuffix.test(entry.slice(prefix.length))) continue
    const name = join(dirname(root), entry)
    const found = readHolder(name)
    if (!found) continue
    // A draft without content may be one that a live process is just writing.
    const dead = found.holder.pid > 0 ? !lives(found) : found.ageMs >= foreignStaleMs
    if (dead) rmSync(name, { force: true })
  }
}

const holdRoot = (root: string, token: string): FileLock => {
  const heartbeat = setInterval(() => {
    try {
      utimesSync(root, new Date(), new Date())
    } catch {
      // Only processes of other containers or machines need it, and the next beat tries again.
    }
  }, foreignStaleMs / 5)
  heartbeat.unref()
  let held = true
  return {
    release: () => {
      if (!held) return
      held = false
      clearInterval(heartbeat)
      try {
        if (readHolder(root)?.holder.token === token) rmSync(root, { force: true })
      } catch {
        // A lock that cannot be removed dies with this process; what was done under it stands.
      }
    },
  }
}

const tryAcquire = (path: string): FileLock | Holder => {
  const root = `${path}.lock`
  const token = randomBytes(12).toString('hex')
  const draft = `${root}.${token}.new`
  try {
    for (;;) {
      const found = walk(root)
      if ('held' in found) return found.held
      writeFileSync(draft, JSON.stringify({ ...thisProcess(), token }), { mode: 0o600 })
      if (!exclusiveLink(draft, found.free)) continue
      if (found.free !== root) {
        const again = walk(root)
        if (!('held' in again) || again.held.token !== token) {
          rmSync(found.free, { force: true })
          continue
        }
        renameSync(draft, root)
        rmSync(found.free, { force: true })
      }
      sweep(root)
      return holdRoot(root, token)
    }
  } catch (error) {
    throw new FileError('ERR_FILE_WRITE', `${JSON.stringify(root)} cannot be made: ${reasonOf(error)}`, {
      cause: error,
    })
  } finally {
    rmSync(draft, { force: true })
  }
}

const lockedError = (path: string, holder: Holder): FileError =>
  new FileError(
    'ERR_FILE_LOCKED',
    `${JSON.stringify(path)} is in use by process ${holder.pid}${holder.space === thisProcess().space ? '' : ` on host ${JSON.stringify(holder.space.split(' ')[0])}`}`,
  )

/**
 * Takes the lock `PATH.lock` at once or not at all; a lock whose process is dead (kill -9, a reused process id, a reboot) is taken over.
 * @throws FileError `ERR_FILE_LOCKED` naming the process id, `ERR_FILE_WRITE`
 */
export const acquireLock = (path: string): FileLock => {
  const lock = tryAcquire(path)
  if ('release' in lock) return lock
  throw lockedError(path, lock)
}

const queues = new Map<string, Promise<unknown>>()

const locked = async <T>(path: string, fn: () => T | Promise<T>, timeoutMs: number): Promise<T> => {
  const deadline = performance.now() + timeoutMs
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 25)) {
    const lock = tryAcquire(path)
    if ('release' in lock) {
      try {
        return await fn()
      } finally {
        lock.release()
      }
    }
    if (performance.now() >= deadline) throw lockedError(path, lock)
    await sleep(waitMs * (0.5 + Math.random()))
  }
}

/**
 * Runs `fn` while this process alone holds `PATH.lock`; calls within one process wait for each other in order.
 * @param options `timeoutMs`: how long to wait for another process, default 5000
 * @throws FileError `ERR_FILE_LOCKED` naming the process id, `ERR_FILE_WRITE`; and what `fn` throws
 */
export const withLock = <T>(
  path: string,
  fn: () => T | Promise<T>,
  options: { timeoutMs?: number } = {},
): Promise<T> => {
  const before = queues.get(path) ?? Promise.resolve()
  const result = before.then(() => locked(path, fn, options.timeoutMs ?? 5000))
  const settled = result.then(
    () => undefined,
    () => undefined,
  )
  queues.set(path, settled)
  void settled.then(() => {
    if (queues.get(path) === settled) queues.delete(path)
  })
  return result
}
