import { type ApiKeyStore, fileStore } from '@portcullis/auth-apikey'
import { redisStore } from '@portcullis/auth-apikey/redis'
import { deriveKey } from '@portcullis-internal/files'
import type { GuardLog } from '@portcullis/guard'
import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import { createKeyRing, type KeyRing } from './credentials.ts'

/** The keys of a running server and the stores that they are in. */
export interface Keys {
  readonly keys: KeyRing
  /** Why what the stores say cannot be relied on. */
  problems(): Promise<readonly string[]>
  close(): Promise<void>
}

/** What keys may name as the place that they are good for: this server's name, and where clients find it. */
const audienceOf = ({ name, stdio, listen }: Settings): readonly string[] => {
  if (stdio) return [name]
  if (listen.publicUrl !== undefined) return [name, listen.publicUrl]
  const hosts = listen.loopback ? ['localhost', '127.0.0.1', '[::1]'] : listen.allowedHosts
  const scheme = listen.tls === undefined ? 'http' : 'https'
  return [name, ...hosts.map((host) => `${scheme}://${host}:${listen.port}${listen.path}`)]
}

/**
 * `undefined` when keys or authentication are off. Records in Redis are sealed with a key derived from the master key, which Redis does not hold: who can write
 * there cannot make keys.
 */
export const openKeys = async (settings: Settings, masterKey: Uint8Array, log: GuardLog): Promise<Keys | undefined> => {
  const { keys, enabled, apiKey } = settings.auth
  if (keys === false || !enabled) return undefined
  const path = join(settings.dir, 'api_keys.json')
  const shared =
    settings.redis === undefined || !keys.stores.includes('redis')
      ? undefined
      : redisStore(settings.redis, {
          maxStaleMs: keys.maxStaleMs,
          integrityKey: deriveKey(masterKey, 'api-key-records'),
          onEvent: ({ type, ...fields }) => log('warn', `keys.${type}`, fields),
        })
  const file = keys.stores.includes('file') ? fileStore(path) : undefined
  const stores = keys.stores.map((store) => (store === 'file' ? file : shared) as ApiKeyStore)
  const ring = await createKeyRing({
    stores,
    prefix: keys.prefix,
    audience: audienceOf(settings),
    // A pipe with its own key writes nothing, wherever it runs.
    ...(settings.stdio && apiKey !== undefined ? { lastUseIntervalMs: false } : {}),
    log,
    ...(keys.stores.includes('file') ? { path } : {}),
    ...(apiKey === undefined ? {} : { apiKey }),
  })
  return {
    keys: ring,
    problems: async () => (await shared?.problems()) ?? [],
    async close() {
      await ring.close()
      file?.close()
      await shared?.close()
    },
  }
}
