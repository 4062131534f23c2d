import { createHash, createHmac } from 'node:crypto'

export const maxLineBytes = 1_048_576
/** What the first record's `prev` is. */
export const noHash = ''

const hashBytes = 43
const hashOpen = ',"hash":"'
const hashClose = '"}'
const tailBytes = hashOpen.length + hashBytes + hashClose.length

/** Hash of one record: over the previous record's hash and the line's bytes without its own `hash` member. */
const hashOf = (key: Uint8Array | undefined, prev: string, bodyStart: string | Uint8Array): string =>
  (key ? createHmac('sha256', key) : createHash('sha256'))
    .update(prev)
    .update(bodyStart)
    .update('}')
    .digest('base64url')

// C0 is escaped by JSON itself; these are C1 with DEL, the line separators and everything that reorders text on a terminal.
const unprintable = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Escapes JSON to ASCII where a terminal or a log reader could be misled. Such characters stand only inside strings, where an escape means the same. */
export const toPrintable = (json: string): string =>
  json.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** `members` are the JSON members of the event, without braces. */
export const formatLine = (
  key: Uint8Array | undefined,
  sequence: number,
  at: string,
  members: string,
  prev: string,
): { line: string; hash: string } => {
  const open = `{"seq":${sequence},"at":"${at}",${members},"prev":"${prev}"`
  const hash = hashOf(key, prev, open)
  return { line: `${open}${hashOpen}${hash}${hashClose}\n`, hash }
}

export interface ParsedLine {
  sequence: number
  prev: string
  hash: string
  fields: Record<string, unknown>
}

/** Reads a line (without its newline) and checks its own hash; returns the reason when it does not hold. */
export const parseLine = (key: Uint8Array | undefined, line: Buffer): ParsedLine | string => {
  if (line.length <= tailBytes) return 'not a record'
  const tail = line.toString('latin1', line.length - tailBytes)
  if (!tail.startsWith(hashOpen) || !tail.endsWith(hashClose)) return 'the line does not end in a hash'
  const hash = tail.slice(hashOpen.length, -hashClose.length)
  const fields = parseObject(line)
  if (!fields) return 'not a JSON object'
  const { seq, prev } = fields
  if (!Number.isSafeInteger(seq) || typeof prev !== 'string') return 'not a record'
  if (hashOf(key, prev, line.subarray(0, line.length - tailBytes)) !== hash)
    return 'the hash does not match: the line was changed, or the key is another'
  return { sequence: seq as number, prev, hash, fields }
}

const parseObject = (line: Buffer): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
