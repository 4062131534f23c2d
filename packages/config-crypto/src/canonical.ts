import type { JsonValue } from './types.ts'

const counted = (type: string, count: number): Buffer => {
  const head = Buffer.allocUnsafe(5)
  head.write(type, 'latin1')
  head.writeUInt32BE(count, 1)
  return head
}

const addBytes = (parts: Buffer[], utf8: Buffer): void => {
  parts.push(counted('s', utf8.length), utf8)
}

const add = (parts: Buffer[], value: JsonValue): void => {
  if (value === null) parts.push(Buffer.from('n'))
  else if (typeof value === 'boolean') parts.push(Buffer.from(value ? 't' : 'f'))
  else if (typeof value === 'number') {
    const bytes = Buffer.allocUnsafe(9)
    bytes.write('d', 'latin1')
    // A text "-0" is the same number as "0" to whoever reads it.
    bytes.writeDoubleBE(value === 0 ? 0 : value, 1)
    parts.push(bytes)
  } else if (typeof value === 'string') addBytes(parts, Buffer.from(value))
  else if (Array.isArray(value)) {
    parts.push(counted('a', value.length))
    for (const item of value) add(parts, item)
  } else {
    const members = Object.entries(value as { readonly [member: string]: JsonValue })
    const sorted = members.map(([name, member]) => ({ name: Buffer.from(name), member }))
    sorted.sort((a, b) => Buffer.compare(a.name, b.name))
    parts.push(counted('o', sorted.length))
    for (const { name, member } of sorted) {
      addBytes(parts, name)
      add(parts, member)
    }
  }
}

/**
 * One byte string for each JSON value and another for any other value: a type letter, then `n t f` nothing, `d` 8 bytes of IEEE 754 binary64, `s` length and
 * UTF-8, `a` count and items, `o` count and members ordered by the bytes of their names. Lengths and counts are 32 bits, big-endian.
 */
export const encodeCanonical = (value: JsonValue): Buffer => {
  const parts: Buffer[] = []
  add(parts, value)
  return Buffer.concat(parts)
}
