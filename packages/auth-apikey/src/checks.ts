import { AuthzError, compileGrants } from '@portcullis/authz'
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
}

/** A frozen copy of grants that are known to compile; throws `ERR_APIKEY_GRANT`. */
export const checkedGrants = (grants: unknown): readonly string[] => {
  if (!Array.isArray(grants) || grants.length > 1000 || grants.some((grant) => typeof grant !== 'string')) {
    throw new ApiKeyError('ERR_APIKEY_GRANT', 'grants must be an array of at most 1000 strings')
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

export const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
