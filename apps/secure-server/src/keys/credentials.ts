import { readTextFile } from '@portcullis-internal/files'
import { ApiKeyError, type ApiKeyRecord, createApiKeys, fileStore, isLegacyFile } from '@portcullis/auth-apikey'
import type { CredentialVerifier } from '@portcullis/guard'
import { createHash, timingSafeEqual } from 'node:crypto'
import { existsSync } from 'node:fs'
import { configurationError } from '../exit.ts'

/** The keys of a running server: its key file (ours, or the specification's plain one in its place) and `MCP_API_KEY`. */
export interface KeyRing extends CredentialVerifier {
  /** Whether anybody could get in with a key as things stand. */
  readonly usable: boolean
  /** Whether the file holds plain keys. */
  readonly legacy: boolean
  /** Puts a key into the file; it is good from that moment. */
  insert(record: ApiKeyRecord): Promise<void>
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

/**
 * What a key file says comes before `MCP_API_KEY`: a value that is an entry of the file has that entry's grants and state,
 * and only a value that no file knows is the key `default`.
 */
export const createKeyRing = async ({ path, prefix, apiKey }: KeyRingOptions): Promise<KeyRing> => {
  const store = fileStore(path)
  const file = createApiKeys({ store, prefix })
  const own = apiKey === undefined || file.looksLikeKey(apiKey) ? undefined : defaultKey(apiKey)
  try {
    const records = await file.list()
    return {
      usable: apiKey !== undefined || records.length > 0,
      legacy: existsSync(path) && isLegacyFile(JSON.parse(readTextFile(path, { secret: true, maxBytes: 67_108_864 }))),
      insert: async (record) => void (await store.insert(record)),
      looksLikeKey: (text) => file.looksLikeKey(text),
      async verify(text, context) {
        const byFile = await file.verify(text, context)
        if (own === undefined || byFile.ok || byFile.reason !== 'unknown') return byFile
        return own.verify(text, context)
      },
    }
  } catch (error) {
    if (error instanceof ApiKeyError) throw configurationError(error.message, { cause: error })
    throw error
  }
}
