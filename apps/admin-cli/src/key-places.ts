import {
  type ApiKeyRecord,
  type ApiKeys,
  type ApiKeyStore,
  createApiKeys,
  fileStore,
  memoryStore,
} from '@portcullis/auth-apikey'
import type { RedisConnectionOptions } from '@portcullis/auth-apikey/redis'
import { deriveKey, loadMasterKey, newMasterKey, prepareDirectory, readMasterKey } from '@portcullis-internal/files'
import { existsSync } from 'node:fs'
import { configurationOf } from './configuration.ts'
import { configurationError } from './failure.ts'
import { keyFileOf, type Settings } from './settings.ts'

/**
 * What keys are opened for: `read` writes nothing at all, `change` may write records that are there, and `make` new ones, for which folder and `master.key` are
 * made where they are absent.
 */
export type Purpose = 'read' | 'change' | 'make'

/** One place where an installation keeps keys. */
export interface Place {
  readonly kind: 'file' | 'redis'
  readonly store: ApiKeyStore
  /** The operations on it; new keys have `env` as their second word, or the one that is usual. */
  keys(env?: string): ApiKeys
  /** What is wrong with the place, one sentence each. */
  problems(): Promise<readonly string[]>
  close(): Promise<void>
}

interface Configured {
  readonly file: boolean
  readonly redis?: RedisConnectionOptions
  readonly prefix?: string
}

const configuredPlaces = (settings: Settings): Configured => {
  const { auth, redis } = configurationOf(settings)
  const apiKeys = auth?.apiKeys === false ? {} : (auth?.apiKeys ?? {})
  const url = process.env['PORTCULLIS_REDIS_URL'] || redis?.url
  const prefix = apiKeys.prefix === undefined ? {} : { prefix: apiKeys.prefix }
  if (url === undefined) {
    if (apiKeys.store === 'redis') throw configurationError('auth.apiKeys.store is redis: that needs redis.url')
    return { file: true, ...prefix }
  }
  if (apiKeys.store === 'file') return { file: true, ...prefix }
  const connection = {
    url,
    // A person waits: better late than not.
    commandTimeoutMs: Math.max(2000, redis?.commandTimeoutMs ?? 0),
    dangerouslyAllowPlaintextRedis: redis?.dangerouslyAllowPlaintextRedis ?? false,
  }
  return { file: apiKeys.store === undefined, redis: connection, ...prefix }
}

/** This program verifies no keys, and so notes no uses of them. */
const openKeys = (store: ApiKeyStore, prefix: string | undefined, env: string | undefined): ApiKeys =>
  createApiKeys({
    store,
    lastUseIntervalMs: false,
    ...(prefix === undefined ? {} : { prefix }),
    ...(env === undefined ? {} : { env }),
  })

const openFile = (settings: Settings, prefix: string | undefined): Place => {
  const store = fileStore(keyFileOf(settings))
  return {
    kind: 'file',
    store,
    keys: (env) => openKeys(store, prefix, env),
    problems: async () => [],
    close: async () => store.close(),
  }
}

// A change begins with a record that was read, which no key can do that is in no file: nothing is ever written under such a one.
const masterKeyFor = async ({ dir }: Settings, purpose: Purpose): Promise<Uint8Array> =>
  purpose === 'make' ? loadMasterKey(dir) : (readMasterKey(dir) ?? newMasterKey())

const openRedis = async (
  settings: Settings,
  purpose: Purpose,
  connection: RedisConnectionOptions,
  prefix: string | undefined,
): Promise<Place> => {
  const { redisStore } = await import('@portcullis/auth-apikey/redis')
  const integrityKey = deriveKey(await masterKeyFor(settings, purpose), 'api-key-records')
  const open = () => {
    try {
      return redisStore(connection, { integrityKey })
    } catch (error) {
      throw configurationError(`redis: ${(error as Error).message}`, error)
    }
  }
  const store = open()
  return {
    kind: 'redis',
    store,
    keys: (env) => openKeys(store, prefix, env),
    problems: () => store.problems(),
    close: () => store.close(),
  }
}

/** Where the keys of an installation are, in the order in which the server looks them up. Close each. */
export const openPlaces = async (settings: Settings, purpose: Purpose): Promise<readonly [Place, ...Place[]]> => {
  const { file, redis, prefix } = configuredPlaces(settings)
  if (purpose === 'make' || (purpose === 'change' && existsSync(settings.dir))) prepareDirectory(settings.dir)
  if (redis === undefined) return [openFile(settings, prefix)]
  const shared = await openRedis(settings, purpose, redis, prefix)
  return file ? [openFile(settings, prefix), shared] : [shared]
}

/** Does with no store at all what is going to be done with one: a mistake is found before anything is written. */
export const rehearse = async (work: (keys: ApiKeys) => Promise<unknown>, env?: string): Promise<void> => {
  await work(openKeys(memoryStore(), undefined, env))
}

/** Why a key that could not be shown was revoked or disabled. */
export const unseen = { reason: 'it could not be shown when it was made' } as const

/**
 * Undoes a rotation whose new key nobody has seen: that one is revoked and the key before it stands as it did, in one step. Answers whether it did; it does
 * not when somebody has gone on from there.
 */
export const takeBack = async (store: ApiKeyStore, successorId: string): Promise<boolean> => {
  for (;;) {
    const successor = await store.get(successorId)
    const before = await store.get(successor?.replaces ?? '')
    if (successor === undefined || before?.replaced?.by !== successor.id) return false
    if (successor.replaced !== undefined || [successor, before].some(({ status }) => status === 'revoked')) return false
    const { replaced: _replaced, ...kept } = before
    const revoked: ApiKeyRecord = {
      ...successor,
      status: 'revoked',
      revokedAtMs: Date.now(),
      revokedReason: unseen.reason,
      rev: successor.rev + 1,
    }
    // In this order: the name goes from one to the other.
    const outcome = await store.commit([
      { replace: revoked, expectedRev: successor.rev },
      { replace: { ...kept, rev: before.rev + 1 }, expectedRev: before.rev },
    ])
    if (outcome === 'done') return true
    if (outcome !== 'changed') return false
  }
}
