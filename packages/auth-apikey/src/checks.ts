import { AuthzError, compileGrants, type PrincipalLimit } from '@portcullis/authz'
import { createCidrSet, NetError } from '@portcullis-internal/net'
import { ApiKeyError } from './errors.ts'
import { resemblesKey } from './key-format.ts'

const invalid = (message: string): ApiKeyError => new ApiKeyError('ERR_APIKEY_OPTION', message)

export const refuseUnknown = (what: string, value: unknown, known: readonly string[]): void => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} takes an object`)
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) throw invalid(`${what}: unknown option ${JSON.stringify(field)}`)
  }
}

// Control characters, C1, line separators and everything that reorders text on a terminal; half of a surrogate pair is no text at all.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u

/** Whether a text can be shown to people and stored: `max` UTF-16 units at most, nothing unprintable, no white space at its ends. */
const isLabel = (text: unknown, max: number): text is string =>
  typeof text === 'string' && text !== '' && text.length <= max && text.trim() === text && !unprintable.test(text)

export const checkLabel = (what: string, text: unknown, max = 128): void => {
  if (!isLabel(text, max)) {
    throw invalid(`${what} must be 1 to ${max} printable characters without white space at its ends`)
  }
  // Someone mixed the two up; such a name would be shown and logged.
  if (resemblesKey(text)) throw invalid(`${what} looks like a key, which must not be written down`)
}

export const checkMetadata = (metadata: unknown): void => {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw invalid('metadata must be an object of strings')
  }
  const entries = Object.entries(metadata)
  if (entries.length > 32 || entries.some(([name, value]) => !isLabel(name, 64) || !isLabel(value, 512))) {
    throw invalid('metadata must be at most 32 names (64 characters) with printable values (512 characters)')
  }
  if (entries.some((entry) => entry.some((text) => resemblesKey(String(text))))) {
    throw invalid('metadata holds what looks like a key, which must not be written down')
  }
}

const MAX_GRANT_CHARS = 65_536

/** A frozen copy of grants that are known to compile; throws `ERR_APIKEY_GRANT`. */
export const checkedGrants = (grants: unknown): readonly string[] => {
  if (!Array.isArray(grants) || grants.length > 1000 || grants.some((grant) => typeof grant !== 'string')) {
    throw new ApiKeyError('ERR_APIKEY_GRANT', 'grants must be an array of at most 1000 strings')
  }
  if (grants.reduce((sum: number, grant: string) => sum + grant.length, 0) > MAX_GRANT_CHARS) {
    throw new ApiKeyError(
      'ERR_APIKEY_GRANT',
      `the grants of a key must not exceed ${MAX_GRANT_CHARS} characters in all`,
    )
  }
  const copy: readonly string[] = Object.freeze([...(grants as string[])])
  try {
    compileGrants(copy)
  } catch (cause) {
    if (!(cause instanceof AuthzError)) throw cause
    throw new ApiKeyError('ERR_APIKEY_GRANT', cause.message, { cause })
  }
  return copy
}

const isWholeBetween = (value: unknown, min: number, max: number): value is number =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max

export const checkWhole = (what: string, value: unknown, min: number, max: number): void => {
  if (!isWholeBetween(value, min, max)) throw invalid(`${what} must be a whole number from ${min} to ${max}`)
}

/** A frozen copy of a key's own limits. */
export const checkedLimits = (limits: unknown): readonly PrincipalLimit[] => {
  if (!Array.isArray(limits) || limits.length < 1 || limits.length > 4) throw invalid('limits must be 1 to 4 limits')
  const copies = limits.map((limit: unknown): PrincipalLimit => {
    refuseUnknown('a limit', limit, ['requests', 'windowMs'])
    const { requests, windowMs } = limit as Partial<PrincipalLimit>
    checkWhole('requests of a limit', requests, 1, 2_147_483_647)
    checkWhole('windowMs of a limit', windowMs, 1, 366 * DAY_MS)
    return Object.freeze({ requests: requests as number, windowMs: windowMs as number })
  })
  return Object.freeze(copies)
}

export const DAY_MS = 86_400_000

/** Networks in their canonical form, frozen. */
export const checkedNetworks = (what: string, networks: unknown): readonly string[] => {
  if (!Array.isArray(networks) || networks.length < 1 || networks.length > 256) {
    throw invalid(`${what} must be 1 to 256 networks`)
  }
  try {
    return Object.freeze(createCidrSet(networks).entries())
  } catch (cause) {
    if (!(cause instanceof NetError)) throw cause
    throw new ApiKeyError('ERR_APIKEY_OPTION', `${what}: ${cause.message}`, { cause })
  }
}

export const checkedAudiences = (audiences: unknown): readonly string[] => {
  if (!Array.isArray(audiences) || audiences.length < 1 || audiences.length > 32) {
    throw invalid('audiences must be 1 to 32 texts')
  }
  for (const audience of audiences) checkLabel('an audience', audience, 512)
  return Object.freeze([...(audiences as string[])])
}

/** The last moment that a date can be. */
const LAST_MS = 8.64e15

export const isTime = (value: unknown): value is number => isWholeBetween(value, 0, LAST_MS)
