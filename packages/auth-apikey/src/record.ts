import { hash } from 'node:crypto'
import { checkedGrants, checkLabel, checkMetadata, isTime } from './checks.ts'
import { ApiKeyError } from './errors.ts'
import { maxKeyChars, splitKey } from './key-format.ts'
import type { ApiKeyRecord, ImportKeyOptions } from './types.ts'

export const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer')

/** The id under which a key of a foreign format is found: a function of its text, so that nothing has to be searched. */
export const importedId = (digest: Buffer): string => `imp-${digest.toString('base64url').slice(0, 16)}`

/** The record of a key that others issued. Its family comes from its name, not from its text, so that no log shows anything derived from a weak key. */
export const importedRecord = (options: ImportKeyOptions, createdAtMs: number): ApiKeyRecord => {
  const { name, key, origin = 'import' } = options
  checkLabel('name', name)
  checkLabel('origin', origin)
  const grants = checkedGrants(options.grants)
  if (typeof key !== 'string' || key.length > maxKeyChars || !/^[\x21-\x7e]+$/.test(key)) {
    throw new ApiKeyError('ERR_APIKEY_FORMAT', `the key must be 1 to ${maxKeyChars} visible ASCII characters`)
  }
  const parts = splitKey(key)
  if (parts && !parts.intact) {
    throw new ApiKeyError('ERR_APIKEY_FORMAT', 'the key has the shape of ours and a wrong checksum: it was mistyped')
  }
  const digest = digestOf(key)
  return freezeRecord({
    id: parts?.id ?? importedId(digest),
    name,
    hash: digest.toString('base64url'),
    alg: 'sha256',
    prefix: parts?.prefix ?? '',
    env: parts?.env ?? '',
    last4: key.length < 24 ? '' : key.slice(-4),
    grants,
    status: 'active',
    createdAtMs,
    expiresAtMs: null,
    origin,
    family: `name.${name}`,
    rev: 1,
  })
}

export const freezeRecord = (record: ApiKeyRecord): ApiKeyRecord => {
  Object.freeze(record.grants)
  if (record.metadata) Object.freeze(record.metadata)
  return Object.freeze(record)
}

type Check = (value: unknown) => void
const fail = (): never => {
  throw new ApiKeyError('ERR_APIKEY_STORE', 'is not what it should be')
}
const matches =
  (pattern: RegExp): Check =>
  (value) =>
    (typeof value === 'string' && pattern.test(value)) || fail()
const time: Check = (value) => isTime(value) || fail()
const label =
  (max?: number): Check =>
  (value) =>
    checkLabel('it', value, max)

const required: Record<string, Check> = {
  id: matches(/^(?:[0-9A-Za-z]{12}|imp-[A-Za-z0-9_-]{16})$/),
  name: label(),
  hash: matches(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/),
  alg: matches(/^sha256$/),
  prefix: matches(/^[a-z0-9_]{0,16}$/),
  env: matches(/^[a-z]{0,16}$/),
  last4: matches(/^(?:[\x21-\x7e]{4})?$/),
  grants: checkedGrants,
  status: matches(/^(?:active|revoked)$/),
  createdAtMs: time,
  expiresAtMs: (value) => value === null || time(value),
  family: label(160),
  rev: (value) => (isTime(value) && value > 0) || fail(),
}
const optional: Record<string, Check> = {
  notBeforeMs: time,
  revokedAtMs: time,
  revokedReason: label(512),
  owner: label(),
  tenant: label(),
  metadata: checkMetadata,
  origin: label(),
}

/**
 * Checks a record read from outside, field by field. An unknown field is refused: it may be a restriction that a newer version wrote and this one would
 * not apply.
 */
export const parseRecord = (value: unknown, place: string): ApiKeyRecord => {
  const problem = (what: string, cause?: unknown) => new ApiKeyError('ERR_APIKEY_STORE', `${place} ${what}`, { cause })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw problem('is not an object')
  const fields = value as Record<string, unknown>
  for (const field of Object.keys(required)) {
    if (!Object.hasOwn(fields, field)) throw problem(`has no ${field}`)
  }
  for (const [field, content] of Object.entries(fields)) {
    const check = Object.hasOwn(required, field) ? required[field] : Object.hasOwn(optional, field) && optional[field]
    if (!check) throw problem(`has a field that this version does not know: ${JSON.stringify(field.slice(0, 64))}`)
    try {
      check(content)
    } catch (error) {
      if (!(error instanceof ApiKeyError)) throw error
      throw problem(error.code === 'ERR_APIKEY_GRANT' ? `: ${error.message}` : `has a bad ${field}`, error)
    }
  }
  return freezeRecord(fields as unknown as ApiKeyRecord)
}
