import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'

/** Nonces that a server gives out and knows again without keeping them (RFC 9449 section 8). */
export interface Nonces {
  /** The one to use now; a new one every quarter of its life. */
  current(): string
  /** Whether this is one of ours that has not expired. */
  accepts(nonce: unknown): boolean
}

const TIME_BYTES = 6
const TAG_BYTES = 16

/**
 * A nonce is the time it was made at and an HMAC-SHA-256 over it. `secrets`: 32 bytes or more each, the first makes, all are accepted, so that
 * replicas agree and a secret can be changed; without any a random one that this process alone knows.
 */
export const createNonces = (secrets: readonly Uint8Array[], maxAgeMs: number, clock: () => number): Nonces => {
  const keys = (secrets.length === 0 ? [randomBytes(32)] : secrets).map((secret) => createSecretKey(secret))
  const step = Math.ceil(maxAgeMs / 4)
  let made = { atMs: Number.NaN, text: '' }

  const tag = (key: (typeof keys)[number], time: Uint8Array): Buffer =>
    createHmac('sha256', key).update('portcullis dpop nonce\0').update(time).digest().subarray(0, TAG_BYTES)

  return {
    current() {
      const atMs = clock() - (clock() % step)
      if (made.atMs !== atMs) {
        const time = Buffer.alloc(TIME_BYTES)
        time.writeUIntBE(atMs, 0, TIME_BYTES)
        made = { atMs, text: Buffer.concat([time, tag(keys[0] as (typeof keys)[number], time)]).toString('base64url') }
      }
      return made.text
    },
    accepts(nonce) {
      if (typeof nonce !== 'string' || nonce.length > 64) return false
      const bytes = Buffer.from(nonce, 'base64url')
      if (bytes.length !== TIME_BYTES + TAG_BYTES || bytes.toString('base64url') !== nonce) return false
      const time = bytes.subarray(0, TIME_BYTES)
      const ageMs = clock() - time.readUIntBE(0, TIME_BYTES)
      if (ageMs < 0 || ageMs > maxAgeMs + step) return false
      return keys.some((key) => timingSafeEqual(tag(key, time), bytes.subarray(TIME_BYTES)))
    },
  }
}
