import { randomBytes } from 'node:crypto'
import { checkedGrants, checkLabel, checkMetadata, isTime, refuseUnknown } from './checks.ts'
import { ApiKeyError } from './errors.ts'
import { envPattern, generateKey, prefixPattern, resemblesKey, splitKey } from './key-format.ts'
import { digestOf, freezeRecord, importedRecord } from './record.ts'
import type { ApiKeyRecord, ApiKeys, ApiKeysOptions, CreateKeyOptions, InsertOutcome } from './types.ts'
import { createVerifier } from './verifier.ts'

const exists = (name: string, outcome: InsertOutcome): ApiKeyError => {
  const quoted = JSON.stringify(name)
  const what: Record<InsertOutcome, string> = {
    inserted: '',
    id_taken: `the key for ${quoted} is in the store already`,
    name_taken: `a key named ${quoted} exists already`,
    family_taken: `${quoted} was the name of an imported key that is revoked; its successor needs another name`,
  }
  return new ApiKeyError('ERR_APIKEY_EXISTS', what[outcome])
}

const checkCreate = (options: CreateKeyOptions, now: number): void => {
  refuseUnknown('create', options, ['name', 'grants', 'expiresAtMs', 'owner', 'tenant', 'metadata'])
  const { name, expiresAtMs = null, owner, tenant, metadata } = options
  checkLabel('name', name)
  if (owner !== undefined) checkLabel('owner', owner)
  if (tenant !== undefined) checkLabel('tenant', tenant)
  if (metadata !== undefined) checkMetadata(metadata)
  if (expiresAtMs !== null && (!isTime(expiresAtMs) || expiresAtMs <= now)) {
    throw new ApiKeyError(
      'ERR_APIKEY_OPTION',
      'expiresAtMs must be null or a time in the future, in whole milliseconds',
    )
  }
}

const checkOptions = (options: ApiKeysOptions): void => {
  refuseUnknown('createApiKeys', options, ['store', 'prefix', 'env', 'clock', 'random'])
  const { store, prefix = 'pck', env = 'live' } = options
  if (typeof store?.get !== 'function') throw new ApiKeyError('ERR_APIKEY_OPTION', 'store must be a key store')
  if (!prefixPattern.test(prefix)) {
    throw new ApiKeyError('ERR_APIKEY_OPTION', 'prefix must be 2 to 16 of [a-z0-9_], beginning with a letter')
  }
  if (!envPattern.test(env)) throw new ApiKeyError('ERR_APIKEY_OPTION', 'env must be 1 to 16 of [a-z]')
}

/**
 * Issues, verifies and revokes API keys over a store.
 * @throws ApiKeyError `ERR_APIKEY_OPTION`
 */
export const createApiKeys = (options: ApiKeysOptions): ApiKeys => {
  checkOptions(options)
  const { store, prefix = 'pck', env = 'live', clock = Date.now, random = randomBytes } = options

  const create: ApiKeys['create'] = async (wanted) => {
    const createdAtMs = clock()
    checkCreate(wanted, createdAtMs)
    const { name, expiresAtMs = null, owner, tenant, metadata } = wanted
    const grants = checkedGrants(wanted.grants)
    const { key, id } = generateKey(prefix, env, random)
    const record: ApiKeyRecord = freezeRecord({
      id,
      name,
      hash: digestOf(key).toString('base64url'),
      alg: 'sha256',
      prefix,
      env,
      last4: key.slice(-4),
      grants,
      status: 'active',
      createdAtMs,
      expiresAtMs,
      ...(owner === undefined ? {} : { owner }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
      family: id,
      rev: 1,
    })
    const outcome = await store.insert(record)
    if (outcome !== 'inserted') throw exists(name, outcome)
    return { key, record }
  }

  const revoke: ApiKeys['revoke'] = async (idOrName, revokeOptions = {}) => {
    refuseUnknown('revoke', revokeOptions, ['reason'])
    const { reason } = revokeOptions
    if (reason !== undefined) checkLabel('reason', reason, 512)
    for (;;) {
      const record = await store.find(idOrName)
      if (!record) throw new ApiKeyError('ERR_APIKEY_NOT_FOUND', `there is no key ${nameOf(idOrName)}`)
      if (record.status === 'revoked') return record
      const next: ApiKeyRecord = freezeRecord({
        ...record,
        status: 'revoked',
        revokedAtMs: clock(),
        ...(reason === undefined ? {} : { revokedReason: reason }),
        rev: record.rev + 1,
      })
      // Someone else changed it in between: look again.
      if (await store.replace(next, record.rev)) return next
    }
  }

  return {
    create,
    revoke,
    verify: createVerifier(store, prefix, clock),
    looksLikeKey: (text) => typeof text === 'string' && splitKey(text)?.prefix === prefix,
    get: async (idOrName) => store.find(idOrName),
    list: async () => [...(await store.list())].sort((one, other) => one.createdAtMs - other.createdAtMs),
    importPlain: async (wanted) => {
      refuseUnknown('importPlain', wanted, ['name', 'key', 'grants', 'origin'])
      const record = importedRecord(wanted, clock())
      const outcome = await store.insert(record)
      if (outcome !== 'inserted') throw exists(wanted.name, outcome)
      return record
    },
  }
}

/** A name for a message; what looks like a key is not repeated. */
const nameOf = (text: string): string =>
  resemblesKey(text) ? 'of that text: give its name or id' : JSON.stringify(text)
