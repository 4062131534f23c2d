import { OAuth2Error, quote } from './errors.ts'

export const invalid = (message: string, cause?: unknown): OAuth2Error =>
  new OAuth2Error('ERR_OAUTH2_OPTIONS', message, cause === undefined ? {} : { cause })

/** Refuses what is no object and fields that are not in `known`, so that a misspelt option never means "no restriction". */
export const refuseUnknown = (what: string, value: unknown, known: readonly string[]): void => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} must be an object`)
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) {
      throw invalid(`${what} has an unknown field ${quote(field)}; known fields: ${known.join(', ')}`)
    }
  }
}

/** A number of milliseconds, seconds or entries within its range, or the default. */
export const numberIn = (what: string, value: unknown, fallback: number, min: number, max: number): number => {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(`${what} must be a whole number from ${min} to ${max}`)
  }
  return value
}

/** One non-empty string or several, without repetition. */
export const textList = (what: string, value: unknown): readonly string[] => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || !list.every((entry) => typeof entry === 'string' && entry !== '' && entry.length <= 2048)) {
    throw invalid(`${what} must be a non-empty string of at most 2048 characters, or an array of at least one`)
  }
  return Object.freeze([...new Set(list as string[])])
}

export const optionalText = (what: string, value: unknown): void => {
  if (value !== undefined && (typeof value !== 'string' || value === '')) throw invalid(`${what} must be a string`)
}

export const optionalFunction = (what: string, value: unknown): void => {
  if (value !== undefined && typeof value !== 'function') throw invalid(`${what} must be a function`)
}
