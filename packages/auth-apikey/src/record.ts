import {
  checkedAudiences,
  checkedGrants,
  checkedLimits,
  checkedNetworks,
  checkLabel,
  checkMetadata,
  isTime,
} from './checks.ts'
import { ApiKeyError } from './errors.ts'
import type { ApiKeyRecord, Change } from './types.ts'

/** Frozen as a whole, with all that it holds. */
export const freezeRecord = <T extends object>(value: T): T => {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freezeRecord(part)
  return Object.freeze(value)
}

export const pepperIdPattern = /^[A-Za-z0-9_-]{1,32}$/

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

const id = matches(/^(?:[0-9A-Za-z]{12}|imp-[A-Za-z0-9_-]{16})$/)
const networks: Check = (value) => checkedNetworks('it', value)
const replacement: Check = (value) => {
  if (typeof value !== 'object' || value === null) return fail()
  const { by, atMs, onUse, ...others } = value as Record<string, unknown>
  id(by)
  time(atMs)
  if ((onUse !== undefined && onUse !== true) || Object.keys(others).length > 0) fail()
}

const required: Record<string, Check> = {
  id,
  name: label(),
  hash: matches(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/),
  alg: matches(/^(?:hmac-)?sha256$/),
  prefix: matches(/^[a-z0-9_]{0,16}$/),
  env: matches(/^[a-z]{0,16}$/),
  last4: matches(/^(?:[\x21-\x7e]{4})?$/),
  grants: checkedGrants,
  status: matches(/^(?:active|disabled|revoked)$/),
  createdAtMs: time,
  expiresAtMs: (value) => value === null || time(value),
  family: label(160),
  rev: (value) => (isTime(value) && value > 0) || fail(),
}
const optional: Record<string, Check> = {
  pepperId: matches(pepperIdPattern),
  notBeforeMs: time,
  disabledAtMs: time,
  disabledReason: label(512),
  revokedAtMs: time,
  revokedReason: label(512),
  owner: label(),
  tenant: label(),
  metadata: checkMetadata,
  limits: checkedLimits,
  allowedAddresses: networks,
  deniedAddresses: networks,
  audiences: checkedAudiences,
  origin: label(),
  replaces: id,
  replaced: replacement,
  parent: id,
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
  const record = fields as unknown as ApiKeyRecord
  if ((record.alg === 'hmac-sha256') !== (record.pepperId !== undefined)) throw problem('has a bad pepperId')
  return freezeRecord(record)
}

/**
 * Freezes what is to be written, once it is certain that it can be read again.
 * @throws ApiKeyError `ERR_APIKEY_OPTION` for a record that could not
 */
export const writableChanges = (changes: readonly Change[]): readonly Change[] => {
  for (const change of changes) {
    const record = freezeRecord('insert' in change ? change.insert : change.replace)
    try {
      parseRecord(JSON.parse(JSON.stringify(record)), 'the record')
    } catch (cause) {
      throw new ApiKeyError('ERR_APIKEY_OPTION', `it cannot be kept: ${(cause as Error).message}`, { cause })
    }
  }
  return changes
}
