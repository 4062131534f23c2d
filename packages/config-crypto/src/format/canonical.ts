import type { JsonValue } from '../types.ts'

/*
 * Bytes are put together as a text of one character a byte ("latin1"), which costs a third of writing them one by one into a buffer.
 */

const u32 = (count: number): string =>
  String.fromCharCode(count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff)

/** What is as long in bytes as in code units is ASCII. */
const utf8 = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1')

const textOf = (text: string): string => {
  const bytes = utf8(text)
  return `s${u32(bytes.length)}${bytes}`
}

const numberOf = (value: number): string => {
  const bytes = Buffer.allocUnsafe(8)
  // A text "-0" is the same number as "0" to whoever reads it.
  bytes.writeDoubleBE(value === 0 ? 0 : value)
  return `d${bytes.toString('latin1')}`
}

// In code units these come before what in UTF-8 they come behind.
const unordered = /[\ud800-\uffff]/

const byBytes = (a: string, b: string): number =>
  unordered.test(a) || unordered.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1

/** Takes bytes, one character each. */
export type Sink = (bytes: string) => void

const encode = (value: JsonValue, write: Sink): void => {
  if (typeof value === 'string') write(textOf(value))
  else if (value === null) write('n')
  else if (typeof value === 'boolean') write(value ? 't' : 'f')
  else if (typeof value === 'number') write(numberOf(value))
  else if (Array.isArray(value)) {
    write(`a${u32(value.length)}`)
    for (const item of value) encode(item, write)
  } else {
    const members = value as { readonly [member: string]: JsonValue }
    const names = Object.keys(members).sort(byBytes)
    write(`o${u32(names.length)}`)
    for (const name of names) {
      write(textOf(name))
      encode(members[name] as JsonValue, write)
    }
  }
}

const pieceLength = 16_384

/**
 * One byte string for each JSON value and another for any other value: a type letter, then `n t f` nothing, `d` 8 bytes of IEEE 754 binary64, `s` length and
 * UTF-8, `a` count and items, `o` count and members ordered by the bytes of their names. Lengths and counts are 32 bits, big-endian. `sink` gets it in pieces of
 * some length: as a whole it would be a second file in memory.
 */
export const writeCanonical = (value: JsonValue, sink: Sink): void => {
  let piece = ''
  encode(value, (bytes) => {
    piece += bytes
    if (piece.length < pieceLength) return
    sink(piece)
    piece = ''
  })
  sink(piece)
}

/** `writeCanonical` as a whole. */
export const encodeCanonical = (value: JsonValue): string => {
  let whole = ''
  writeCanonical(value, (bytes) => {
    whole += bytes
  })
  return whole
}
