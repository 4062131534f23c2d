import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ValidatorError } from '../errors.ts'

/** Markers that stand for what was redacted: `[redacted:aws-access-key:1f0c...:9a3b...]`, the kind of secret, a number of its own, and our MAC over both. */
export interface Markers {
  make(label: string): string
  /** Whether one that was made with this key is in the text. */
  isOurs(text: string): boolean
}

const OPEN = '[redacted:'
const MAX_MARKER_CHARS = 128
const SHAPE = /^\[redacted:([a-z0-9-]{1,40}):([0-9a-f]{12}):([0-9a-f]{24})\]$/

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS for a key that is too short */
export function createMarkers(key: Uint8Array = randomBytes(32)): Markers {
  if (!(key instanceof Uint8Array) || key.length < 16)
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', 'results.markerKey must be 16 bytes or more')
  const own = Buffer.from(key)
  const mac = (label: string, id: string): Buffer =>
    createHmac('sha256', own).update(`portcullis/redaction/v1\0${label}\0${id}`).digest().subarray(0, 12)
  return {
    make(label) {
      const id = randomBytes(6).toString('hex')
      return `${OPEN}${label}:${id}:${mac(label, id).toString('hex')}]`
    },
    isOurs(text) {
      for (let at = text.indexOf(OPEN); at >= 0; at = text.indexOf(OPEN, at + 1)) {
        // A bounded look: a text of openings without ends costs no more.
        const window = text.slice(at, at + MAX_MARKER_CHARS)
        const match = SHAPE.exec(window.slice(0, window.indexOf(']') + 1))
        if (match === null) continue
        const [, label, id, given] = match as unknown as [string, string, string, string]
        if (timingSafeEqual(mac(label, id), Buffer.from(given, 'hex'))) return true
      }
      return false
    },
  }
}
