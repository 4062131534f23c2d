import { randomBytes } from 'node:crypto'
import { checkWhole, DAY_MS, refuseUnknown } from './checks.ts'
import { createDigests } from './digest.ts'
import { ApiKeyError } from './errors.ts'
import { envPattern, prefixPattern, splitKey } from './key-format.ts'
import { createLastUse } from './last-use.ts'
import { createGenerator, type Management } from './manage/context.ts'
import { createKey, importKeyHash, importPlainKey } from './manage/create.ts'
import { issueChildKey } from './manage/issue-child.ts'
import { rotateKey } from './manage/rotate.ts'
import { disableKey, enableKey, revokeAllKeys, revokeKey } from './manage/status.ts'
import { updateKey } from './manage/update.ts'
import { createRetirement } from './retirement.ts'
import type { ApiKeys, ApiKeysEvent, ApiKeysOptions } from './types.ts'
import { createVerifier } from './verifier.ts'

const FIELDS = [
  'store',
  'prefix',
  'env',
  'peppers',
  'defaultLifetimeMs',
  'delegation',
  'lastUseIntervalMs',
  'onEvent',
  'clock',
  'random',
]

const invalid = (message: string): ApiKeyError => new ApiKeyError('ERR_APIKEY_OPTION', message)

const readOptions = (options: ApiKeysOptions) => {
  refuseUnknown('createApiKeys', options, FIELDS)
  const { store, prefix = 'pck', env = 'live', defaultLifetimeMs = 90 * DAY_MS, delegation = {} } = options
  const { peppers = [], lastUseIntervalMs = 60_000, clock = Date.now, random = randomBytes, onEvent } = options
  if (typeof store?.get !== 'function' || typeof store.commit !== 'function') throw invalid('store must be a key store')
  if (!prefixPattern.test(prefix)) throw invalid('prefix must be 2 to 16 of [a-z0-9_], beginning with a letter')
  if (!envPattern.test(env)) throw invalid('env must be 1 to 16 of [a-z]')
  checkWhole('defaultLifetimeMs', defaultLifetimeMs, 1, 3660 * DAY_MS)
  refuseUnknown('delegation', delegation, ['maxDepth', 'maxChildren'])
  const { maxDepth = 1, maxChildren = 100 } = delegation
  checkWhole('delegation.maxDepth', maxDepth, 0, 8)
  checkWhole('delegation.maxChildren', maxChildren, 1, 10_000)
  if (lastUseIntervalMs !== false) checkWhole('lastUseIntervalMs', lastUseIntervalMs, 1000, DAY_MS)
  if (onEvent !== undefined && typeof onEvent !== 'function') throw invalid('onEvent must be a function')
  const notify = (event: ApiKeysEvent): void => {
    // What a listener throws must not stop what it listens to.
    try {
      onEvent?.(event)
    } catch {}
  }
  const digests = createDigests(peppers)
  const limits = { maxDepth, maxChildren }
  return { store, prefix, env, defaultLifetimeMs, limits, lastUseIntervalMs, digests, clock, random, notify }
}

/**
 * Issues, verifies, changes and revokes API keys over a store. `close` it.
 * @throws ApiKeyError `ERR_APIKEY_OPTION`
 */
export const createApiKeys = (options: ApiKeysOptions): ApiKeys => {
  const { store, prefix, env, defaultLifetimeMs, limits, lastUseIntervalMs, digests, clock, random, notify } =
    readOptions(options)
  const management: Management = {
    store,
    // Times are kept in whole milliseconds.
    clock: () => Math.floor(clock()),
    defaultLifetimeMs,
    generate: createGenerator(prefix, env, random, digests),
  }
  const lastUse = createLastUse(store, lastUseIntervalMs, notify)
  const retirement = createRetirement(store, clock, notify)
  const verify = createVerifier({
    store,
    prefix,
    digests,
    clock,
    isOver: retirement.isOver,
    onUse(standing, nowMs) {
      if (standing.usedAtMs === 0) retirement.used(standing.record)
      lastUse.note(standing, nowMs)
    },
  })

  return {
    verify,
    create: createKey(management),
    update: updateKey(management),
    rotate: rotateKey(management),
    disable: disableKey(management),
    enable: enableKey(management),
    revoke: revokeKey(management),
    revokeAll: revokeAllKeys(management),
    issueChild: issueChildKey(management, limits, verify),
    importPlain: importPlainKey(management),
    importHash: importKeyHash(management),
    looksLikeKey: (text) => typeof text === 'string' && splitKey(text)?.prefix === prefix,
    get: async (idOrName) => (typeof idOrName === 'string' ? store.find(idOrName) : undefined),
    list: async () => [...(await store.list())].sort((one, other) => one.createdAtMs - other.createdAtMs),
    async lastUses() {
      await lastUse.flush()
      return (await store.lastUses?.()) ?? new Map()
    },
    async close() {
      await Promise.all([lastUse.close(), retirement.close()])
    },
  }
}
