import type { JsonValue } from '../types.ts'

/** A buffer that grows. */
class Bytes {
  #buffer: Buffer
  #length = 0

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size)
  }

  #room(size: number): void {
    if (this.#length + size <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + size))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }

  letter(letter: string): void {
    this.#room(1)
    this.#buffer[this.#length++] = letter.charCodeAt(0)
  }

  counted(letter: string, count: number): void {
    this.#room(5)
    this.#buffer[this.#length] = letter.charCodeAt(0)
    this.#buffer.writeUInt32BE(count, this.#length + 1)
    this.#length += 5
  }

  number(value: number): void {
    this.#room(9)
    this.#buffer[this.#length] = 0x64
    this.#buffer.writeDoubleBE(value, this.#length + 1)
    this.#length += 9
  }

  text(text: string): void {
    // A code unit is at most three bytes of UTF-8.
    this.#room(5 + text.length * 3)
    const size = this.#buffer.write(text, this.#length + 5, 'utf8')
    this.counted('s', size)
    this.#length += size
  }

  taken(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }
}

// In code units these come before what in UTF-8 they come behind.
const unordered = /[\ud800-\uffff]/

const byBytes = (a: string, b: string): number =>
  unordered.test(a) || unordered.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1

const add = (to: Bytes, value: JsonValue): void => {
  if (typeof value === 'string') to.text(value)
  else if (value === null) to.letter('n')
  else if (typeof value === 'boolean') to.letter(value ? 't' : 'f')
  // A text "-0" is the same number as "0" to whoever reads it.
  else if (typeof value === 'number') to.number(value === 0 ? 0 : value)
  else if (Array.isArray(value)) {
    to.counted('a', value.length)
    for (const item of value) add(to, item)
  } else {
    const members = value as { readonly [member: string]: JsonValue }
    const names = Object.keys(members).sort(byBytes)
    to.counted('o', names.length)
    for (const name of names) {
      to.text(name)
      add(to, members[name] as JsonValue)
    }
  }
}

/**
 * One byte string for each JSON value and another for any other value: a type letter, then `n t f` nothing, `d` 8 bytes of IEEE 754 binary64, `s` length and
 * UTF-8, `a` count and items, `o` count and members ordered by the bytes of their names. Lengths and counts are 32 bits, big-endian.
 * @param expectedBytes about how long it will be
 */
export const encodeCanonical = (value: JsonValue, expectedBytes = 1024): Buffer => {
  const bytes = new Bytes(expectedBytes)
  add(bytes, value)
  return bytes.taken()
}
