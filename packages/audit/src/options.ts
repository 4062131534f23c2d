import { AuditError } from './errors.ts'
import type { AuditHead } from './types.ts'

export const refuseUnknown = (what: string, value: unknown, known: readonly string[]): void => {
  if (typeof value !== 'object' || value === null) throw new AuditError('ERR_AUDIT_OPTION', `${what} takes an object`)
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) {
      throw new AuditError('ERR_AUDIT_OPTION', `${what}: unknown option ${JSON.stringify(field)}`)
    }
  }
}

export const checkFile = (file: unknown): void => {
  if (typeof file !== 'string' || file === '') throw new AuditError('ERR_AUDIT_OPTION', 'file must be a path')
}

export const checkKey = (key: unknown): void => {
  if (key === undefined) return
  if (!(key instanceof Uint8Array) || key.length < 32) {
    throw new AuditError('ERR_AUDIT_OPTION', 'key must be a Uint8Array of at least 32 bytes')
  }
}

export const checkHead = (head: AuditHead | undefined): void => {
  if (head === undefined) return
  refuseUnknown('expectHead', head, ['sequence', 'hash'])
  if (!Number.isSafeInteger(head.sequence) || head.sequence < 0 || !/^[A-Za-z0-9_-]{43}$/.test(head.hash)) {
    throw new AuditError('ERR_AUDIT_OPTION', 'expectHead must be { sequence, hash } as a log reported it')
  }
}
