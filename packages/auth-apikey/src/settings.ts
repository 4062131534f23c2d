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
import type { ApiKeyRecord, KeySettings } from './types.ts'

export const SETTINGS = [
  'grants',
  'expiresAtMs',
  'notBeforeMs',
  'owner',
  'metadata',
  'limits',
  'allowedAddresses',
  'deniedAddresses',
  'audiences',
] as const

type Settings = Pick<ApiKeyRecord, (typeof SETTINGS)[number]>

const time = (what: string, value: unknown): number => {
  if (isTime(value)) return value
  throw new ApiKeyError('ERR_APIKEY_OPTION', `${what} must be a time in whole milliseconds since the epoch`)
}

/** What an administrator may say of a key, field by field: the value as it is kept. */
const read: { readonly [Field in keyof Settings]-?: (value: unknown) => Settings[Field] } = {
  grants: checkedGrants,
  expiresAtMs: (value) => (value === null ? null : time('expiresAtMs', value)),
  notBeforeMs: (value) => time('notBeforeMs', value),
  owner(value) {
    checkLabel('owner', value)
    return value as string
  },
  metadata(value) {
    checkMetadata(value)
    return Object.freeze({ ...(value as Record<string, string>) })
  },
  limits: checkedLimits,
  allowedAddresses: (value) => checkedNetworks('allowedAddresses', value),
  deniedAddresses: (value) => checkedNetworks('deniedAddresses', value),
  audiences: checkedAudiences,
}

/**
 * The settings that are given, checked; those that are `undefined` are left out. An end must lie in the future, and after the beginning.
 * @throws ApiKeyError `ERR_APIKEY_OPTION`, `ERR_APIKEY_GRANT`
 */
export const readSettings = (given: Partial<KeySettings>, nowMs: number): Partial<Settings> => {
  const settings: Record<string, unknown> = {}
  for (const field of SETTINGS) if (given[field] !== undefined) settings[field] = read[field](given[field])
  const { expiresAtMs = null, notBeforeMs } = settings as Partial<Settings>
  if (expiresAtMs !== null && (expiresAtMs <= nowMs || (notBeforeMs !== undefined && expiresAtMs <= notBeforeMs))) {
    throw new ApiKeyError('ERR_APIKEY_OPTION', 'expiresAtMs must be in the future, and after notBeforeMs')
  }
  return settings as Partial<Settings>
}
