import { createReadStream } from 'node:fs'
import { reasonOf } from '@portcullis-internal/files'
import { AuditError } from './errors.ts'
import { isHeader, readHeader } from './header.ts'
import { maxLineBytes, noHash, parseLine } from './line.ts'
import { checkFile, checkHead, checkKey, refuseUnknown } from './options.ts'
import type { AuditHead, VerifyOptions, VerifyReport } from './types.ts'

/** Splits into lines without newline; `whole` is false for bytes after the last newline and for a line that is too long. */
async function* linesOf(file: string): AsyncGenerator<{ line: Buffer; whole: boolean }> {
  let parts: Buffer[] = []
  let length = 0
  for await (const data of createReadStream(file, { highWaterMark: 262_144 })) {
    const chunk = data as Buffer
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      const piece = chunk.subarray(from, end)
      from = end + 1
      yield { line: length === 0 ? piece : Buffer.concat([...parts, piece]), whole: true }
      parts = []
      length = 0
    }
    if (from < chunk.length) {
      parts.push(chunk.subarray(from))
      length += chunk.length - from
      if (length > maxLineBytes) break
    }
  }
  if (length > 0) yield { line: Buffer.concat(parts), whole: false }
}

const checkHeader = (line: Buffer, keyed: boolean): string | undefined => {
  const header = readHeader(line)
  if (!header) return 'the log does not begin with a header'
  if (header.keyed && !keyed)
    throw new AuditError('ERR_AUDIT_KEY', 'this audit log is keyed: verifying it takes its key')
  if (!header.keyed && keyed) return 'the log has no key although one was expected: it was replaced, or never had one'
  return undefined
}

/** The chain as far as it is known to be good; `next` takes a line and returns why it is bad. */
const createChain = (key: Uint8Array | undefined, expected: AuditHead | undefined) => {
  let head: AuditHead | undefined
  return {
    head: () => head,
    next: (bytes: Buffer): string | undefined => {
      const reason = head ? undefined : checkHeader(bytes, key !== undefined)
      if (reason) return reason
      const line = parseLine(key, bytes)
      if (typeof line === 'string') return line
      if (!head && !isHeader(line)) return 'the log does not begin with a header'
      const sequence = head ? head.sequence + 1 : 0
      if (line.sequence !== sequence) return `record ${line.sequence} stands where ${sequence} belongs`
      if (line.prev !== (head?.hash ?? noHash)) return 'the record does not follow the one before it'
      if (expected?.sequence === sequence && expected.hash !== line.hash) {
        return `record ${sequence} is not the one remembered`
      }
      head = { sequence, hash: line.hash }
      return undefined
    },
  }
}

/**
 * Reads a whole log, of any size, and checks every line against the one before it; needs no lock and changes nothing.
 * What it cannot see without `expectHead`: whole records cut off the end.
 * @throws AuditError `ERR_AUDIT_OPTION`, `ERR_AUDIT_KEY` (a keyed log and no key), `ERR_AUDIT_FILE` (cannot be read)
 */
export const verifyAuditLog = async (options: VerifyOptions): Promise<VerifyReport> => {
  refuseUnknown('verifyAuditLog', options, ['file', 'key', 'expectHead'])
  checkFile(options.file)
  checkKey(options.key)
  checkHead(options.expectHead)
  const { file, key, expectHead } = options
  const chain = createChain(key, expectHead)
  let records = 0

  const report = (status: VerifyReport['status'], reason?: string): VerifyReport => {
    const head = chain.head()
    return {
      status,
      records,
      ...(status === 'ok' ? {} : { line: records + 1 }),
      ...(reason === undefined ? {} : { reason }),
      ...(head ? { head } : {}),
    }
  }

  let torn = 0
  try {
    for await (const { line, whole } of linesOf(file)) {
      if (line.length > maxLineBytes) return report('broken', 'the line is longer than a record can be')
      if (!whole) {
        torn = line.length
        break
      }
      const reason = chain.next(line)
      if (reason) return report('broken', reason)
      records++
    }
  } catch (error) {
    if (error instanceof AuditError) throw error
    throw new AuditError('ERR_AUDIT_FILE', `audit log ${JSON.stringify(file)} cannot be read: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  if (records === 0) return report('broken', 'the log has no header')
  if (expectHead && (chain.head()?.sequence ?? -1) < expectHead.sequence) {
    return report(
      'broken',
      `the log ends before record ${expectHead.sequence}, which is remembered: its end was cut off`,
    )
  }
  return torn > 0 ? report('torn_tail', `${torn} bytes after the last whole record`) : report('ok')
}
