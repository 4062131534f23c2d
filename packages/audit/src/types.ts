import type { AuditError } from './errors.ts'

/** What happened: a `type` and any fields that JSON can hold, except the log's own `seq`, `at`, `prev` and `hash`. */
export interface AuditEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** The last record: remembered elsewhere, it is what shows that records were cut off the end. */
export interface AuditHead {
  readonly sequence: number
  /** Base64url, 43 characters. */
  readonly hash: string
}

export interface AuditLogOptions {
  /** Path of the log; made with mode 0600, its directory with 0700. */
  readonly file: string
  /** Key of the HMAC-SHA-256 chain, at least 32 bytes. Without one the chain is plain SHA-256, which whoever can write the file can recompute. */
  readonly key?: Uint8Array
  /** When a record counts as written: `write`, in the kernel's hands (survives kill -9), or `fsync`, on the device (survives a power failure). Default `write`. */
  readonly sync?: 'write' | 'fsync'
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly clock?: () => number
  /** How long to gather events for one write, 0 to 1000 milliseconds. Default 0: the events of one event-loop turn. */
  readonly groupMs?: number
}

export interface AuditLog {
  /**
   * Appends one record; resolves when its line is written as `sync` says. The event is read at once and may be changed afterwards.
   * Strings (and names of fields) over 1,024 characters are cut to 256 and `…sha256:` with 16 base64url characters of their SHA-256, so that one long
   * text cannot keep an event out of the log.
   * Rejects with AuditError `ERR_AUDIT_EVENT` (not JSON, or over 1 MiB even so), `ERR_AUDIT_WRITE` (nothing of it was kept; a later record tries again), `ERR_AUDIT_CLOSED`.
   */
  record(event: AuditEvent): Promise<void>
  /** Writes what is pending, flushes it to the device and gives the file free. */
  close(): Promise<void>
  readonly head: AuditHead
  /** Why the last write failed; `undefined` after one that succeeded. */
  readonly lastError: AuditError | undefined
}

export interface VerifyOptions {
  readonly file: string
  readonly key?: Uint8Array
  /** A head remembered from before: the log must still hold exactly that record. */
  readonly expectHead?: AuditHead
}

export interface VerifyReport {
  /** `torn_tail`: all whole records are good and the last line is incomplete, as after a crash; opening the log repairs that and says so in the log. */
  readonly status: 'ok' | 'torn_tail' | 'broken'
  /** How many records, counted from the start and the header included, are good. */
  readonly records: number
  /** The first bad line, from 1. */
  readonly line?: number
  readonly reason?: string
  /** The last good record. */
  readonly head?: AuditHead
}
