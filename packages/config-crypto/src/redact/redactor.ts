import { Transform } from 'node:stream'
import { optionsError, refuseUnknown } from '../errors.ts'
import type { Automaton } from './automaton.ts'
import { createFinder } from './finder.ts'
import { type Readable, sensitiveTexts } from './sensitive.ts'

export interface RedactorOptions {
  /** Shorter texts are not looked for: 4 to 64 bytes, default 6. */
  readonly minLength?: number
  /** What stands in the place of a secret; default `[redacted]`. */
  readonly mark?: string
}

/** Takes secrets out of output. */
export interface Redactor {
  /** A text that is there as a whole. */
  redact(text: string): string
  /** A stream of bytes, in whatever pieces it comes. What may be the beginning of a secret is held back until it is known to be none. */
  stream(): Transform
  /** JSON Pointers of texts that are too short to be looked for. */
  readonly tooShort: readonly string[]
}

interface Range {
  start: number
  end: number
}

/** Adds a range that ends behind all others; those that it overlaps become one with it. */
const addRange = (ranges: Range[], start: number, end: number): void => {
  let from = start
  let last = ranges.at(-1)
  while (last && last.end > from) {
    from = Math.min(from, last.start)
    ranges.pop()
    last = ranges.at(-1)
  }
  ranges.push({ start: from, end })
}

/** Bytes in, bytes out; positions are counted from the first byte of all. */
class Scanner {
  readonly #automaton: Automaton
  readonly #mark: Buffer
  #state = 0
  /** What was taken in and not given out, and where it begins. */
  #held: Buffer = Buffer.alloc(0)
  #position = 0
  #ranges: Range[] = []
  /** Whether the mark of the first range is out already. */
  #marked = false

  constructor(automaton: Automaton, mark: Buffer) {
    this.#automaton = automaton
    this.#mark = mark
  }

  push(chunk: Buffer): Buffer {
    const from = this.#held.length
    this.#held = from === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const base = this.#position
    this.#state = this.#automaton.scan(this.#held, from, this.#state, (end, length) =>
      addRange(this.#ranges, base + end - length, base + end),
    )
    return this.#release(base + this.#held.length - this.#automaton.depthOf(this.#state))
  }

  end(): Buffer {
    this.#state = 0
    return this.#release(this.#position + this.#held.length)
  }

  /** Gives out everything before `until`: no secret that is not known yet begins there. */
  #release(until: number): Buffer {
    const parts: Buffer[] = []
    const take = (end: number, visible: boolean): void => {
      const size = end - this.#position
      if (size <= 0) return
      if (visible) parts.push(this.#held.subarray(0, size))
      this.#held = this.#held.subarray(size)
      this.#position = end
    }
    for (let range = this.#ranges[0]; range && range.start < until; range = this.#ranges[0]) {
      take(range.start, true)
      if (!this.#marked) parts.push(this.#mark)
      this.#marked = true
      take(Math.min(range.end, until), false)
      // One that a later find may still make longer stays.
      if (range.end > until) return Buffer.concat(parts)
      this.#ranges.shift()
      this.#marked = false
    }
    take(until, true)
    return Buffer.concat(parts)
  }
}

/**
 * Takes the sealed values of a configuration out of output: as they are, in base64 (wherever it begins), base64url, hexadecimal, escaped for URLs, JSON, HTML, shells, and
 * UTF-16; values of several lines line by line too, and those that end in line ends also without them.
 * @param secrets a configuration, all of whose sealed texts and numbers are meant, or well-formed texts
 * @throws ConfigError `ERR_CONFIG_OPTIONS`, and those of revealing a value
 */
export const createRedactor = (secrets: Readable | readonly string[], options: RedactorOptions = {}): Redactor => {
  refuseUnknown('createRedactor', options, ['minLength', 'mark'])
  const { mark = '[redacted]' } = options
  if (typeof mark !== 'string') throw optionsError('mark must be a text')
  const texts = Array.isArray(secrets)
    ? secrets.map((text: string, index) => ({ pointer: `/${index}`, text }))
    : sensitiveTexts(secrets as Readable)
  const { automaton, tooShort } = createFinder(texts, options.minLength)
  const scanner = (): Scanner => new Scanner(automaton, Buffer.from(mark))
  return {
    tooShort,
    redact: (text) => {
      const one = scanner()
      return Buffer.concat([one.push(Buffer.from(text)), one.end()]).toString()
    },
    stream: () => {
      const one = scanner()
      return new Transform({
        transform: (chunk: Buffer | string, encoding, done) => {
          const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
          done(null, one.push(bytes))
        },
        flush: (done) => done(null, one.end()),
      })
    },
  }
}
