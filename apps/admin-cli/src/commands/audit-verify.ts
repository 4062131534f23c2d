import { resolve } from 'node:path'
import { type AuditHead, type VerifyReport, verifyAuditLog } from '@portcullis/audit'
import { assertSafe } from '@portcullis-internal/files'
import { readDerivedKey } from '../derived-key.ts'
import { exitCodes, usageError } from '../failure.ts'
import { printData, printJson, printWords, safeLine } from '../output.ts'
import { auditFileOf, type Settings } from '../settings.ts'

export interface AuditVerifyOptions {
  /** `--no-key`: the log has none, although the folder does. */
  readonly key: boolean
  readonly expectHead?: string
}

const parseHead = (text: string): AuditHead => {
  const [, sequence, hash] = /^([0-9]{1,15}):([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  if (sequence === undefined || hash === undefined) {
    throw usageError('--expect-head must be SEQUENCE:HASH, as "portcullis audit verify" printed it')
  }
  return { sequence: Number(sequence), hash }
}

const words = (report: VerifyReport): string => {
  if (report.status === 'ok') return `ok: ${report.records} records, every one follows from the one before.`
  if (report.status === 'torn_tail') {
    return `torn tail: ${report.records} good records, then ${report.reason}; a crash leaves this, and the next start mends it.`
  }
  return `BROKEN at line ${report.line}: ${report.reason}; ${report.records} records before it are good.`
}

export const run = async (
  settings: Settings,
  given: string | undefined,
  options: AuditVerifyOptions,
): Promise<number> => {
  const file = given === undefined ? auditFileOf(settings) : resolve(given)
  const expectHead = options.expectHead === undefined ? undefined : parseHead(options.expectHead)
  assertSafe(file, { secret: false })
  const key = options.key ? readDerivedKey(settings.dir, 'audit') : undefined
  const report = await verifyAuditLog({ file, ...(key ? { key } : {}), ...(expectHead ? { expectHead } : {}) })
  if (settings.json) printJson({ file, ...report })
  else {
    if (report.head) printData(`${report.head.sequence}:${report.head.hash}\n`)
    printWords(safeLine(`${JSON.stringify(file)} ${words(report)}`))
  }
  return report.status === 'ok' ? exitCodes.ok : exitCodes.findings
}
