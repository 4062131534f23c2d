export type AuditErrorCode =
  | 'ERR_AUDIT_BROKEN'
  | 'ERR_AUDIT_CLOSED'
  | 'ERR_AUDIT_EVENT'
  | 'ERR_AUDIT_FILE'
  | 'ERR_AUDIT_KEY'
  | 'ERR_AUDIT_LOCKED'
  | 'ERR_AUDIT_OPTION'
  | 'ERR_AUDIT_WRITE'

const unavailable: ReadonlySet<AuditErrorCode> = new Set(['ERR_AUDIT_LOCKED', 'ERR_AUDIT_WRITE', 'ERR_AUDIT_CLOSED'])

/** A log that cannot be opened, written or verified; `fault` tells an outage (`unavailable`) from a mistake or tampering (`invalid`). */
export class AuditError extends Error {
  override readonly name = 'AuditError'
  readonly code: AuditErrorCode
  readonly fault: 'unavailable' | 'invalid'

  constructor(code: AuditErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.fault = unavailable.has(code) ? 'unavailable' : 'invalid'
  }
}
