import { verifyAuditLog } from '@portcullis/audit'
import { assertSafe, shellQuote } from '@portcullis-internal/files'
import { readDerivedKey } from '../derived-key.ts'
import { auditFileOf } from '../settings.ts'
import { type Check, failedBy, fail, ok, statOf, warn } from './finding.ts'

export const audit: Check = async (settings) => {
  const id = 'audit-log'
  const file = auditFileOf(settings)
  try {
    if (!statOf(file)) return ok(id, 'no audit log yet')
    assertSafe(file, { secret: true })
    const key = readDerivedKey(settings.dir, 'audit')
    const report = await verifyAuditLog({ file, ...(key ? { key } : {}) })
    if (report.status === 'ok') return ok(id, `${report.records} records, unbroken`)
    if (report.status === 'torn_tail') {
      return warn(
        id,
        `${report.records} records and ${report.reason}`,
        'start the server: it cuts the torn line off and says so',
      )
    }
    return fail(
      id,
      `${JSON.stringify(file)} is broken at line ${report.line}: ${report.reason}`,
      `keep a copy of ${shellQuote(file)} and find out who changed it`,
    )
  } catch (error) {
    return failedBy(id, error, 'portcullis audit verify')
  }
}
