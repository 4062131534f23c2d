import { createHmac, timingSafeEqual } from 'node:crypto'
import { ApiKeyError } from './errors.ts'
import { parseJson } from './legacy.ts'
import { parseRecord } from './record.ts'
import type { ApiKeyRecord } from './types.ts'

const MAC_CHARS = 43

/** How a record stands in Redis: JSON, behind its MAC and a space where there is an integrity key. */
export interface RecordCodec {
  encode(record: ApiKeyRecord): string
  /** Throws `ERR_APIKEY_STORE` for anything but the record of that id as one of us wrote it. */
  decode(id: string, text: string): ApiKeyRecord
}

const bad = (id: string, what: string, cause?: unknown): ApiKeyError =>
  new ApiKeyError('ERR_APIKEY_STORE', `in Redis, the record of key ${JSON.stringify(id)} ${what}`, { cause })

export const createRecordCodec = (namespace: string, integrityKey: Uint8Array | undefined): RecordCodec => {
  const key = integrityKey && Buffer.from(integrityKey)
  // The namespace is part of it: a record copied from a test system is not one of ours.
  const macOf = (secret: Buffer, json: string): Buffer =>
    createHmac('sha256', secret).update(`portcullis/api-key-record/v1\n${namespace}\n${json}`).digest()

  const open = (id: string, text: string): string => {
    const sealed = text.charAt(MAC_CHARS) === ' '
    if (key === undefined) {
      if (sealed) throw bad(id, 'carries a MAC, and no integrityKey was given to check it with')
      return text
    }
    const json = text.slice(MAC_CHARS + 1)
    const given = Buffer.from(sealed ? text.slice(0, MAC_CHARS) : '', 'base64url')
    const mac = macOf(key, json)
    if (given.length !== mac.length || !timingSafeEqual(given, mac))
      throw bad(id, 'carries no valid MAC: it was made under another integrity key, or by somebody who has none')
    return json
  }

  return {
    encode: (record) => {
      const json = JSON.stringify(record)
      return key === undefined ? json : `${macOf(key, json).toString('base64url')} ${json}`
    },
    decode: (id, text) => {
      const json = open(id, text)
      try {
        const record = parseRecord(parseJson(json), 'the record')
        if (record.id !== id) throw bad(id, 'is that of another key')
        return record
      } catch (error) {
        if (!(error instanceof ApiKeyError)) throw error
        throw error.message.startsWith('in Redis') ? error : bad(id, `is damaged: ${error.message}`, error)
      }
    },
  }
}
