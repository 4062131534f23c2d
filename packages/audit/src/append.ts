import { fdatasync, fstatSync, ftruncateSync, writeSync } from 'node:fs'
import { reasonOf } from '@portcullis-internal/files'
import { AuditError } from './errors.ts'

/** The file as a sequence of batches: each is appended whole or not at all. */
export interface Appender {
  append(bytes: Buffer): void
  /** Takes back what `append` added last: after a failed flush its fate is unknown. */
  undo(): void
}

export const createAppender = (file: string, fd: number, initialSize: number): Appender => {
  let size = initialSize
  let previousSize = initialSize
  let dirty = false

  const failure = (what: string, cause?: unknown): AuditError =>
    new AuditError('ERR_AUDIT_WRITE', `audit log ${JSON.stringify(file)} ${what}`, { cause })

  const cutBack = (): void => {
    ftruncateSync(fd, size)
    dirty = false
  }

  const check = (): void => {
    const stat = fstatSync(fd)
    if (stat.nlink === 0) throw failure('was removed while it was open')
    if (stat.size !== size) throw failure(`was changed by someone else: ${stat.size} bytes, not ${size}`)
  }

  return {
    append: (bytes) => {
      try {
        if (dirty) cutBack()
        check()
        previousSize = size
        dirty = true
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
        size += bytes.length
        dirty = false
      } catch (error) {
        if (dirty) {
          try {
            cutBack()
          } catch {
            // Still marked: the next batch cuts back first, and so does whoever opens the log next.
          }
        }
        throw error instanceof AuditError ? error : failure(`cannot be written: ${reasonOf(error)}`, error)
      }
    },
    undo: () => {
      size = previousSize
      dirty = true
    },
  }
}

export const flushToDevice = (file: string, fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fdatasync(fd, (error) => {
      if (!error) resolve()
      else {
        const message = `audit log ${JSON.stringify(file)} cannot be flushed: ${reasonOf(error)}`
        reject(new AuditError('ERR_AUDIT_WRITE', message, { cause: error }))
      }
    })
  })
