import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  acquireLock,
  FileError,
  type FileLock,
  readTextFile,
  reasonOf,
  writeFileAtomicSync,
} from '@portcullis-internal/files'
import { ConfigError, fromFileError, optionsError, refuseUnknown } from '../errors.ts'
import { decodeBase64Url } from '../format/base64.ts'
import { isObject, parseJson } from '../format/json.ts'
import { type Steps, step } from '../steps.ts'
import type { Write } from './write-order.ts'

/*
 * A whole older copy of a file is genuine. Who remembers the last write that was seen can tell: one small file for each configuration file, by its path.
 */

const stateFolder = (): string => {
  const state = process.env['XDG_STATE_HOME']
  return join(state?.startsWith('/') ? state : join(homedir(), '.local', 'state'), 'portcullis', 'pins')
}

const folderOf = (pin: unknown): string | undefined => {
  if (pin === undefined || pin === false) return undefined
  if (pin === true) return stateFolder()
  refuseUnknown('pin', pin, ['folder'])
  const { folder } = pin as { readonly folder?: unknown }
  if (typeof folder !== 'string' || folder === '') throw optionsError('pin: folder must be a path')
  return resolve(folder)
}

/** @param path absolute */
export const pinFileOf = (path: string, pin: unknown): string | undefined => {
  const folder = folderOf(pin)
  return folder && join(folder, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`)
}

const parsePin = (text: string): Write | undefined => {
  const value = parseJson(text)
  if (!isObject(value)) return undefined
  const { id, rev, mac } = value
  const bytes = typeof mac === 'string' ? decodeBase64Url(mac) : undefined
  return typeof id === 'string' && typeof rev === 'number' && bytes ? { id, rev, mac: bytes } : undefined
}

/**
 * The write that was seen last. To be asked before the file is read and not behind it: a file is written before it is remembered, so what stands there afterwards is this
 * write or a later one.
 * @throws ConfigError `ERR_CONFIG_ROLLBACK` for a pin that is damaged, `ERR_CONFIG_UNSAFE`, `ERR_CONFIG_READ`
 */
export const readPin = (pinFile: string): Write | undefined => {
  let text: string
  try {
    text = readTextFile(pinFile, { secret: true, maxBytes: 16_384 })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw fromFileError(error, 'configuration')
  }
  const pin = parsePin(text)
  if (pin) return pin
  // What was seen is not known any more: only a person can say that all is well.
  const named = JSON.stringify(pinFile)
  throw new ConfigError('ERR_CONFIG_ROLLBACK', `what was seen last is unreadable in ${named}: remove it to start anew`)
}

const writePin = (pinFile: string, path: string, { id, rev, mac }: Write): void => {
  const text = JSON.stringify({ path, id, rev, mac: mac.toString('base64url') })
  writeFileAtomicSync(pinFile, `${text}\n`, { mode: 0o600 })
}

const isSeen = (seen: Write | undefined, write: Write): boolean => seen?.id === write.id && seen.rev >= write.rev

const inPin = <T>(pinFile: string, fn: () => T): T => {
  try {
    return fn()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const isLocked = error instanceof FileError && error.code === 'ERR_FILE_LOCKED'
    const message = `what was seen cannot be remembered in ${JSON.stringify(pinFile)}: ${reasonOf(error)}`
    throw new ConfigError(isLocked ? 'ERR_CONFIG_LOCKED' : 'ERR_CONFIG_WRITE', message, { cause: error })
  }
}

/** @returns why not, where another holds the lock. It is held for one write without a pause, so nothing of this thread ever waits for itself. */
const tryRaise = (pinFile: string, path: string, write: Write): FileError | undefined => {
  if (isSeen(readPin(pinFile), write)) return undefined
  mkdirSync(dirname(pinFile), { recursive: true, mode: 0o700 })
  let lock: FileLock
  try {
    lock = acquireLock(pinFile)
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_LOCKED') return error
    throw error
  }
  try {
    if (!isSeen(readPin(pinFile), write)) writePin(pinFile, path, write)
  } finally {
    lock.release()
  }
  return undefined
}

const lockTimeoutMs = 10_000

const pause = (ms: number): Steps<unknown> =>
  step<unknown>({
    sync: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    async: () => sleep(ms),
  })

/**
 * Remembers a write that follows the one seen before, unless a later one is remembered by now. Waits for others who remember something; whoever holds the lock of a pin
 * takes no other, so the lock of the file may be held meanwhile.
 * @throws ConfigError `ERR_CONFIG_LOCKED` after `timeoutMs`, default 10 s; `ERR_CONFIG_WRITE`; those of `readPin`
 */
export function* raisePin(pinFile: string, path: string, write: Write, timeoutMs = lockTimeoutMs): Steps<void> {
  const deadline = performance.now() + timeoutMs
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 25)) {
    const inUse = inPin(pinFile, () => tryRaise(pinFile, path, write))
    if (!inUse) return
    if (performance.now() >= deadline) {
      inPin(pinFile, () => {
        throw inUse
      })
    }
    yield* pause(waitMs * (0.5 + Math.random()))
  }
}

/** Takes a write for the right one, whatever was seen before. */
export const replacePin = (pinFile: string, path: string, write: Write): void => {
  try {
    mkdirSync(dirname(pinFile), { recursive: true, mode: 0o700 })
    writePin(pinFile, path, write)
  } catch (error) {
    throw fromFileError(error, 'configuration')
  }
}
