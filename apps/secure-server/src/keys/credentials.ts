import { readTextFile } from '@portcullis-internal/files'
import { type ApiKeys, ApiKeyError, createApiKeys, fileStore, isLegacyFile, memoryStore } from '@portcullis/auth-apikey'
import type { CredentialVerifier } from '@portcullis/guard'
import { existsSync } from 'node:fs'
import { configurationError } from '../exit.ts'

/** The keys of a running server: its key file (ours, or the specification's plain one in its place) and `MCP_API_KEY`. */
export interface KeyRing extends CredentialVerifier {
  /** Whether anybody could get in with a key as things stand. */
  readonly usable: boolean
  /** Whether the file holds plain keys. */
  readonly legacy: boolean
}

export interface KeyRingOptions {
  readonly path: string
  readonly prefix: string
  /** `MCP_API_KEY` */
  readonly apiKey?: string
}

/** `MCP_API_KEY` as a key of its own: the specification's `default`, with full access. */
const defaultKey = async (key: string): Promise<ApiKeys> => {
  const keys = createApiKeys({ store: memoryStore({ label: 'environment' }) })
  try {
    await keys.importPlain({ name: 'default', key, grants: ['*'], origin: 'environment' })
  } catch (error) {
    throw configurationError(`MCP_API_KEY: ${(error as Error).message}`, { cause: error })
  }
  return keys
}

/**
 * What a key file says comes before `MCP_API_KEY`: a value that is an entry of the file has that entry's grants and state,
 * and only a value that no file knows is the key `default`.
 */
export const createKeyRing = async ({ path, prefix, apiKey }: KeyRingOptions): Promise<KeyRing> => {
  const file = createApiKeys({ store: fileStore(path), prefix })
  const own = apiKey === undefined || file.looksLikeKey(apiKey) ? undefined : await defaultKey(apiKey)
  try {
    const records = await file.list()
    return {
      usable: apiKey !== undefined || records.length > 0,
      legacy: existsSync(path) && isLegacyFile(JSON.parse(readTextFile(path, { secret: true, maxBytes: 67_108_864 }))),
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
