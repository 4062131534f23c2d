import { readTextFile } from '@portcullis-internal/files'
import {
  ApiKeyError,
  type ApiKeyRecord,
  type ApiKeys,
  type ApiKeyStore,
  createApiKeys,
  isLegacyFile,
  parseKey,
} from '@portcullis/auth-apikey'
import type { AuthContext, CredentialVerifier, GuardLog, VerifyResult } from '@portcullis/guard'
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
  /** Writes when keys were last used, if that is to be written. */
  close(): Promise<void>
}

export interface KeyRingOptions {
  /** Where keys are looked up, in this order; new ones go to the first. */
  readonly stores: readonly ApiKeyStore[]
  /** The key file, where it is one of the stores. */
  readonly path?: string
  readonly prefix: string
  /** What this server is known as, for keys that are good in some places only. */
  readonly audience: readonly string[]
  /** `false`: when keys were last used is not written. */
  readonly lastUseIntervalMs?: false
  readonly log: GuardLog
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

/** Whether a store holds keys. One that others run may be down when we start, and may hold some; a file of ours is in order or is not. */
const anyIn = async (keys: ApiKeys, isFile: boolean): Promise<boolean> => {
  try {
    return (await keys.list()).length > 0
  } catch (error) {
    if (!isFile && (error as { fault?: unknown }).fault === 'unavailable') return true
    throw error
  }
}

/**
 * What the stores say comes before `MCP_API_KEY`: a value that is an entry of one has that entry's grants and state, and only a value that
 * none knows is the key `default`. A value that a store has ever known never becomes the key with every right because its entry
 * is taken away.
 */
export const createKeyRing = async (options: KeyRingOptions): Promise<KeyRing> => {
  const { stores, path, prefix, audience, lastUseIntervalMs, log, apiKey } = options
  const all = stores.map((store) =>
    createApiKeys({
      store,
      prefix,
      ...(lastUseIntervalMs === undefined ? {} : { lastUseIntervalMs }),
      onEvent: ({ type, ...fields }) => log('warn', `keys.${type}`, fields),
    }),
  )
  const [first] = all as [ApiKeys, ...ApiKeys[]]
  // A key of our own format means that key, even where this installation's keys begin with another word.
  const ours = apiKey !== undefined && (parseKey(apiKey) !== undefined || first.looksLikeKey(apiKey))
  let own = apiKey === undefined || ours ? undefined : defaultKey(apiKey)
  let seen = false

  /** What the first store that knows the key says of it; that of the last one when none does. */
  const look = async (text: string, { address }: AuthContext): Promise<VerifyResult> => {
    let said: VerifyResult = { ok: false, reason: 'unknown' }
    for (const [index, keys] of all.entries()) {
      said = await keys.verify(text, address === undefined ? { audience } : { address, audience })
      if (index === 0) seen ||= said.ok
      if (!isUnknown(said)) return said
    }
    return said
  }

  try {
    const present = await Promise.all(all.map((keys, index) => anyIn(keys, index === 0 && path !== undefined)))
    if (apiKey !== undefined && own !== undefined && path !== undefined) {
      if (!isUnknown(await first.verify(apiKey))) own = undefined
    }
    return {
      usable: apiKey !== undefined || present.includes(true),
      legacy:
        path !== undefined &&
        existsSync(path) &&
        isLegacyFile(JSON.parse(readTextFile(path, { secret: true, maxBytes: 67_108_864 }))),
      insert: async (record) => (await (stores[0] as ApiKeyStore).commit([{ insert: record }])) === 'done',
      async close() {
        await Promise.all(all.map((keys) => keys.close()))
      },
      looksLikeKey: (text) => first.looksLikeKey(text),
      async verify(text, context) {
        const byStore = await look(text, context)
        const byOwn = own === undefined ? undefined : await own.verify(text, context)
        if (byOwn?.ok === true) {
          if (isUnknown(byStore)) return byOwn
          own = undefined
        }
        if (isUnknown(byStore) && seen && path !== undefined && !existsSync(path)) throw gone(path)
        return byStore
      },
    }
  } catch (error) {
    if (error instanceof ApiKeyError) throw configurationError(error.message, { cause: error })
    throw error
  }
}
