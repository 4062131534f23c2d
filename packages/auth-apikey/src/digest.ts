import { hash } from 'node:crypto'
import { ApiKeyError } from './errors.ts'
import { createHmacSha256 } from './hmac.ts'
import { pepperIdPattern } from './record.ts'
import type { ApiKeyRecord, Pepper } from './types.ts'

export const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer')

/** How key texts are kept: with the first pepper of the ring, or plain where there is none. */
export interface Digests {
  /** What a new record holds of its key. */
  of(text: string): Pick<ApiKeyRecord, 'hash' | 'alg' | 'pepperId'>
  /** What a text would be kept as, the way that a record was. `plain` is its SHA-256. */
  like(record: Pick<ApiKeyRecord, 'pepperId'> & { readonly id?: string }, text: string, plain: Buffer): Buffer
}

const checkRing = (peppers: readonly Pepper[]): void => {
  const problem =
    !Array.isArray(peppers) || peppers.some(({ key }) => !(key instanceof Uint8Array) || key.length < 32)
      ? 'peppers must be a list of { id, key } with keys of 32 bytes or more'
      : peppers.some(({ id }) => typeof id !== 'string' || !pepperIdPattern.test(id))
        ? 'the id of a pepper must be 1 to 32 of [A-Za-z0-9_-]'
        : new Set(peppers.map(({ id }) => id)).size < peppers.length
          ? 'two peppers have the same id'
          : undefined
  if (problem !== undefined) throw new ApiKeyError('ERR_APIKEY_OPTION', problem)
}

/** @throws ApiKeyError `ERR_APIKEY_OPTION` */
export const createDigests = (peppers: readonly Pepper[]): Digests => {
  checkRing(peppers)
  const ring = new Map(peppers.map(({ id, key }) => [id, { id, hmac: createHmacSha256(key) }]))
  const [first] = ring.values()
  return {
    of: (text) =>
      first === undefined
        ? { hash: digestOf(text).toString('base64url'), alg: 'sha256' }
        : { hash: first.hmac(text).toString('base64url'), alg: 'hmac-sha256', pepperId: first.id },
    like(record, text, plain) {
      if (record.pepperId === undefined) return plain
      const pepper = ring.get(record.pepperId)
      if (pepper !== undefined) return pepper.hmac(text)
      // Nobody can say whether the key is good: that is no reason to call it unknown.
      throw new ApiKeyError('ERR_APIKEY_STORE', `key ${record.id} was kept under a pepper that is not given`)
    },
  }
}
