import { closeSync } from 'node:fs'
import { createAppender, flushToDevice } from './append.ts'
import { AuditError } from './errors.ts'
import { formatLine, maxLineBytes, toPrintable } from './line.ts'
import { openLog } from './open.ts'
import { checkFile, checkKey, refuseUnknown } from './options.ts'
import { toShortJson } from './shorten.ts'
import type { AuditEvent, AuditHead, AuditLog, AuditLogOptions } from './types.ts'

interface Entry {
  at: string
  members: string
}

interface Pending extends Entry {
  resolve: () => void
  reject: (error: AuditError) => void
}

const reserved = ['seq', 'at', 'prev', 'hash']
// What stands around an event's members in a line: sequence, time, two hashes and the names of these.
const envelopeBytes = 256

const membersOf = (event: AuditEvent): string => {
  if (typeof event !== 'object' || event === null || typeof event.type !== 'string' || event.type === '') {
    throw new AuditError('ERR_AUDIT_EVENT', 'an event is an object with a type')
  }
  for (const field of reserved) {
    if (Object.hasOwn(event, field)) throw new AuditError('ERR_AUDIT_EVENT', `the field "${field}" belongs to the log`)
  }
  const { type, ...fields } = event
  if (typeof fields['toJSON'] === 'function')
    throw new AuditError('ERR_AUDIT_EVENT', 'an event has no toJSON of its own')
  let json: string
  try {
    json = toPrintable(toShortJson({ type, ...fields }))
  } catch (cause) {
    throw new AuditError('ERR_AUDIT_EVENT', 'the event cannot be written as JSON', { cause })
  }
  if (Buffer.byteLength(json) > maxLineBytes - envelopeBytes) {
    throw new AuditError('ERR_AUDIT_EVENT', `the event is larger than ${maxLineBytes - envelopeBytes} bytes`)
  }
  return json.slice(1, -1)
}

const checkOptions = (options: AuditLogOptions): void => {
  refuseUnknown('createAuditLog', options, ['file', 'key', 'sync', 'clock', 'groupMs'])
  checkFile(options.file)
  checkKey(options.key)
  const { sync = 'write', groupMs = 0 } = options
  if (sync !== 'write' && sync !== 'fsync') {
    throw new AuditError('ERR_AUDIT_OPTION', 'sync must be "write" or "fsync"')
  }
  if (!(groupMs >= 0 && groupMs <= 1000)) throw new AuditError('ERR_AUDIT_OPTION', 'groupMs must be 0 to 1000')
}

/**
 * Opens an append-only log whose lines are chained by hashes, and locks it for this process; an existing log is continued.
 * @throws AuditError `ERR_AUDIT_OPTION`, `ERR_AUDIT_LOCKED` (another process has it open), `ERR_AUDIT_BROKEN` (its end does not verify),
 * `ERR_AUDIT_KEY`, `ERR_AUDIT_FILE` (unsafe owner or mode), `ERR_AUDIT_WRITE`
 */
export const createAuditLog = (options: AuditLogOptions): AuditLog => {
  checkOptions(options)
  const { file, sync = 'write', clock = Date.now, groupMs = 0 } = options
  const key = options.key && Uint8Array.from(options.key)
  const now = (): string => new Date(clock()).toISOString()
  const { fd, lock, size, recoveredBytes, ...opened } = openLog(file, key, now())
  const appender = createAppender(file, fd, size)
  let head: AuditHead = Object.freeze(opened.head)
  let lastError: AuditError | undefined
  let pending: Pending[] = []
  let scheduled = false
  let flushing: Promise<void> | undefined
  let closing: Promise<void> | undefined

  /** Appends the batch and returns the head from before it. */
  const write = (batch: readonly Entry[]): AuditHead => {
    const before = head
    let { sequence, hash } = head
    let text = ''
    for (const { at, members } of batch) {
      const formatted = formatLine(key, ++sequence, at, members, hash)
      text += formatted.line
      hash = formatted.hash
    }
    appender.append(Buffer.from(text))
    head = Object.freeze({ sequence, hash })
    return before
  }

  const settle = (batch: readonly Pending[], error?: AuditError): void => {
    lastError = error
    for (const { resolve, reject } of batch) {
      if (error) reject(error)
      else resolve()
    }
  }

  const flushOnce = (): Promise<void> | undefined => {
    const batch = pending
    pending = []
    if (batch.length === 0) return undefined
    let before: AuditHead
    try {
      before = write(batch)
    } catch (error) {
      settle(batch, error as AuditError)
      return undefined
    }
    if (sync === 'write') {
      settle(batch)
      return undefined
    }
    return flushToDevice(file, fd).then(
      () => settle(batch),
      (error: AuditError) => {
        appender.undo()
        head = before
        settle(batch, error)
      },
    )
  }

  const flush = (): void => {
    scheduled = false
    // While one batch is on its way to the device, the next one gathers.
    if (flushing) return
    flushing = flushOnce()?.then(() => {
      flushing = undefined
      if (pending.length > 0) flush()
    })
  }

  const enqueue = (event: AuditEvent): Promise<void> =>
    new Promise((resolve, reject) => {
      pending.push({ at: now(), members: membersOf(event), resolve, reject })
      if (scheduled || flushing) return
      scheduled = true
      if (groupMs > 0) setTimeout(flush, groupMs)
      else setImmediate(flush)
    })

  const close = async (): Promise<void> => {
    while (pending.length > 0 || flushing) {
      flush()
      await flushing
    }
    try {
      await flushToDevice(file, fd)
    } finally {
      closeSync(fd)
      lock.release()
    }
  }

  if (recoveredBytes > 0) {
    try {
      write([{ at: now(), members: membersOf({ type: 'log.recovered', bytes: recoveredBytes }) }])
    } catch (error) {
      closeSync(fd)
      lock.release()
      throw error
    }
  }

  return {
    record: (event) =>
      closing ? Promise.reject(new AuditError('ERR_AUDIT_CLOSED', 'the audit log is closed')) : enqueue(event),
    close: () => (closing ??= close()),
    get head() {
      return head
    },
    get lastError() {
      return lastError
    },
  }
}
