export { AuditError, type AuditErrorCode } from './errors.ts'
export { createAuditLog } from './log.ts'
export type { AuditEvent, AuditHead, AuditLog, AuditLogOptions, VerifyOptions, VerifyReport } from './types.ts'
export { verifyAuditLog } from './verify.ts'
