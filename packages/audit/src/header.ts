import { randomBytes } from 'node:crypto'
import type { ParsedLine } from './line.ts'
import { noHash } from './line.ts'

const headerType = 'log.created'

/** The members of the first record. */
export const headerMembers = (keyed: boolean): string =>
  `"type":"${headerType}","format":"portcullis-audit","version":1,"keyed":${keyed},"log":"${randomBytes(12).toString('base64url')}"`

/** Whether the first line, not yet checked against a key, calls itself a log of ours and a keyed one. */
export const readHeader = (line: Buffer): { keyed: boolean } | undefined => {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    if (typeof value !== 'object' || value === null) return undefined
    const { seq, type, format, version, keyed } = value as Record<string, unknown>
    const ours = seq === 0 && type === headerType && format === 'portcullis-audit' && version === 1
    return ours && typeof keyed === 'boolean' ? { keyed } : undefined
  } catch {
    return undefined
  }
}

export const isHeader = (line: ParsedLine): boolean => line.sequence === 0 && line.prev === noHash

/** Whether an incomplete first line can only be the start of a header that a crash cut short. */
export const isTornHeader = (bytes: Buffer): boolean => {
  const start = '{"seq":0,"at":"'
  const text = bytes.toString('latin1')
  return text.length < 512 && !text.includes('\n') && (text.startsWith(start) || start.startsWith(text))
}
