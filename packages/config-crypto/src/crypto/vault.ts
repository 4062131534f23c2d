import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { ConfigError } from '../errors.ts'
import { writeAuthenticated } from '../format/document.ts'
import type { Header } from '../format/header.ts'
import { parseJson } from '../format/json.ts'
import { type Opener, SealedLeaf } from '../format/leaf.ts'
import type { JsonValue } from '../types.ts'
import { open, type Random, seal } from './aead.ts'
import { boundTo, derive, intoKey, label } from './derive.ts'

/** White space behind JSON means nothing: a ciphertext shows the length of its value in steps only. */
const padded = (json: string): Buffer => {
  const size = Buffer.byteLength(json)
  let room = 32
  while (room < size && room < 1024) room *= 2
  if (room < size) room = Math.ceil(size / 1024) * 1024
  const data = Buffer.alloc(room, ' ')
  data.write(json)
  return data
}

/** What the data key of one file does: seals and opens its values, and authenticates it as a whole. */
export class Vault implements Opener {
  readonly id: Buffer
  /** To wrap it for other keys. */
  readonly dataKey: KeyObject
  readonly #values: KeyObject
  readonly #mac: KeyObject
  readonly #bound: Buffer

  constructor(dataKey: KeyObject, id: Buffer) {
    this.id = id
    this.dataKey = dataKey
    this.#values = intoKey(derive(dataKey, id, 'values'))
    this.#mac = intoKey(derive(dataKey, id, 'mac'))
    this.#bound = boundTo('value', id, '')
  }

  #boundTo(setOn: string, pointer: string): Buffer {
    const text = setOn + pointer
    // A code unit is at most three bytes of UTF-8.
    const bound = Buffer.allocUnsafe(this.#bound.length + text.length * 3)
    this.#bound.copy(bound)
    return bound.subarray(0, this.#bound.length + bound.write(text, this.#bound.length))
  }

  /** @param setOn the day of the value, `YYYY-MM-DD` */
  seal(pointer: string, setOn: string, value: JsonValue, random: Random = randomBytes): SealedLeaf {
    const data = padded(JSON.stringify(value))
    const payload = seal(this.#values, data, this.#boundTo(setOn, pointer), random)
    data.fill(0)
    return new SealedLeaf(this, pointer, setOn, payload)
  }

  open({ pointer, setOn, payload }: SealedLeaf): JsonValue {
    const data = open(this.#values, payload, this.#boundTo(setOn, pointer))
    if (data === undefined) {
      throw new ConfigError('ERR_CONFIG_INTEGRITY', `the value at ${JSON.stringify(pointer)} does not open`)
    }
    const json = data.toString('utf8')
    data.fill(0)
    return parseJson(json)
  }

  /** HMAC-SHA-256 over everything of a file but the MAC itself. */
  macOf(header: Header, config: JsonValue): Buffer {
    const hmac = createHmac('sha256', this.#mac).update(`${label('mac')}\0`)
    writeAuthenticated(header, config, (bytes) => hmac.update(bytes, 'latin1'))
    return hmac.digest()
  }
}

export const sameMac = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
