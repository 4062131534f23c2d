import { checkedGrants, checkLabel, refuseUnknown } from './checks.ts'
import { digestOf } from './digest.ts'
import { ApiKeyError } from './errors.ts'
import { hasChecksum, idIn, maxKeyChars, splitKey } from './key-format.ts'
import { freezeRecord } from './record.ts'
import { readSettings, SETTINGS } from './settings.ts'
import type { ApiKeyRecord, ImportHashOptions, ImportKeyOptions } from './types.ts'

const FIELDS = [...SETTINGS, 'name', 'tenant', 'origin']

/** The id under which a key of a foreign format is found: a function of its text, so that nothing has to be searched. */
export const importedId = (digest: Buffer): string => `imp-${digest.toString('base64url').slice(0, 16)}`

const recordOf = (
  { name, tenant, origin = 'import', ...given }: Omit<ImportHashOptions, 'hash'>,
  createdAtMs: number,
  digest: Buffer,
  shown: Pick<ApiKeyRecord, 'id' | 'prefix' | 'env' | 'last4'>,
): ApiKeyRecord => {
  checkLabel('name', name)
  checkLabel('origin', origin)
  if (tenant !== undefined) checkLabel('tenant', tenant)
  return freezeRecord({
    ...shown,
    name,
    hash: digest.toString('base64url'),
    alg: 'sha256',
    status: 'active',
    createdAtMs,
    expiresAtMs: null,
    ...readSettings(given, createdAtMs),
    grants: checkedGrants(given.grants),
    ...(tenant === undefined ? {} : { tenant }),
    origin,
    // From its name and not from its text, so that no log shows anything derived from a weak key.
    family: `name.${name}`,
    rev: 1,
  })
}

/** The record of a key that others issued. */
export const importedRecord = ({ key, ...options }: ImportKeyOptions, createdAtMs: number): ApiKeyRecord => {
  refuseUnknown('importPlain', options, FIELDS)
  if (typeof key !== 'string' || key.length > maxKeyChars || !/^[\x21-\x7e]+$/.test(key)) {
    throw new ApiKeyError('ERR_APIKEY_FORMAT', `the key must be 1 to ${maxKeyChars} visible ASCII characters`)
  }
  const parts = splitKey(key)
  const intact = hasChecksum(key)
  if (parts && !intact) {
    throw new ApiKeyError('ERR_APIKEY_FORMAT', 'the key has the shape of ours and a wrong checksum: it was mistyped')
  }
  const digest = digestOf(key)
  return recordOf(options, createdAtMs, digest, {
    id: (intact ? idIn(key) : undefined) ?? importedId(digest),
    prefix: parts?.prefix ?? '',
    env: parts?.env ?? '',
    last4: key.length < 24 ? '' : key.slice(-4),
  })
}

const hexOrBase64 = /^(?:[0-9a-f]{64}|[0-9A-F]{64}|[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?)$/

/** The record of a key whose SHA-256 others have kept. Not for keys of our own format: those are found by the id in their text. */
export const hashedRecord = ({ hash, ...options }: ImportHashOptions, createdAtMs: number): ApiKeyRecord => {
  refuseUnknown('importHash', options, FIELDS)
  const digest =
    typeof hash === 'string' && hexOrBase64.test(hash) ? Buffer.from(hash, hash.length === 64 ? 'hex' : 'base64') : null
  if (digest?.length !== 32) {
    throw new ApiKeyError('ERR_APIKEY_FORMAT', 'hash must be the SHA-256 of a key, in hex, base64 or base64url')
  }
  return recordOf(options, createdAtMs, digest, { id: importedId(digest), prefix: '', env: '', last4: '' })
}
