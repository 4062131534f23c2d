import { readTextFile } from '@portcullis-internal/files'
import {
  ApiKeyError,
  type ApiKeyRecord,
  createApiKeys,
  fileStore,
  isLegacyFile,
  parseKey,
} from '@portcullis/auth-apikey'
import type { CredentialVerifier, VerifyResult } from '@portcullis/guard'
import { createHash, timingSafeEqual } from 'node:crypto'
import { existsSync } from 'node:fs'
import { configurationError } from '../exit.ts'

/** The keys of a running server: its key file (ours, or the specification's plain one in its place) and `MCP_API_KEY`. */
export interface KeyRing extends CredentialVerifier {
  /** Whether anybody could get in with a key as things stand. */
  readonly usable: boolean
  /** Whether the file holds plain keys. */
  readonly legacy: boolean
  /** Puts a key into the file; it is good from that moment. False when there is one like it. */
  insert(record: ApiKeyRecord): Promise<boolean>
}

export interface KeyRingOptions {
  readonly path: string
  readonly prefix: string
  /** `MCP_API_KEY` */
  readonly apiKey?: string
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** `MCP_API_KEY` as a key of its own: the specification's `default`, with full access. Any text will do, on stdio even with spaces. */
const defaultKey = (key: string): CredentialVerifier => {
  const expected = digest(key)
  const principal = Object.freeze({
    id: 'api_key:environment::default',
    method: 'api_key',
    grants: Object.freeze(['*']),
    authenticatedAtMs: Date.now(),
  })
  return {
    verify: (text) =>
      timingSafeEqual(digest(text), expected) ? { ok: true, principal } : { ok: false, reason: 'unknown' },
  }
}

/** Whether the file says nothing of a text: not that it is revoked, nor that it has expired. */
const isUnknown = (result: VerifyResult): boolean =>
  !result.ok && (result.reason === 'unknown' || result.reason === 'malformed')

/** A key file that was there and is gone: nobody has revoked its keys, and nobody can say what they may do. */
const gone = (path: string): Error =>
  Object.assign(new Error(`the key file ${JSON.stringify(path)} is gone`), { fault: 'unavailable' as const })

/**
 * What a key file says comes before `MCP_API_KEY`: a value that is an entry of the file has that entry's grants and state, and
 * only a value that no file knows is the key `default`. That is decided once: a value that the file has ever known never
 * becomes the key with every right because its entry is taken away.
 */
export const createKeyRing = async ({ path, prefix, apiKey }: KeyRingOptions): Promise<KeyRing> => {
  const store = fileStore(path)
  const file = createApiKeys({ store, prefix })
  // A key of our own format means that key, even where this installation's keys begin with another word.
  const ours = apiKey !== undefined && (parseKey(apiKey) !== undefined || file.looksLikeKey(apiKey))
  let own = apiKey === undefined || ours ? undefined : defaultKey(apiKey)
  let seen = false
  try {
    const records = await file.list()
    if (apiKey !== undefined && !isUnknown(await file.verify(apiKey))) own = undefined
    return {
      usable: apiKey !== undefined || records.length > 0,
      legacy: existsSync(path) && isLegacyFile(JSON.parse(readTextFile(path, { secret: true, maxBytes: 67_108_864 }))),
      insert: async (record) => (await store.insert(record)) === 'inserted',
      looksLikeKey: (text) => file.looksLikeKey(text),
      async verify(text, context) {
        const byFile = await file.verify(text, context)
        seen ||= byFile.ok
        const byOwn = own === undefined ? undefined : await own.verify(text, context)
        if (isUnknown(byFile)) {
          if (byOwn?.ok === true) return byOwn
          if (seen && !existsSync(path)) throw gone(path)
        } else if (byOwn?.ok === true) {
          own = undefined
        }
        return byFile
      },
    }
  } catch (error) {
    if (error instanceof ApiKeyError) throw configurationError(error.message, { cause: error })
    throw error
  }
}
