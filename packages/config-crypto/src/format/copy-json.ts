import { optionsError } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { loneSurrogate, maxDepth } from './strict-json.ts'

// The file itself and `config`.
const levelsAbove = 2

const copy = (value: unknown, depth: number): JsonValue => {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') {
    if (loneSurrogate.test(value)) throw optionsError('a value holds half of a surrogate pair')
    return value
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw optionsError('a value holds a number that JSON cannot say')
    // JSON texts say 0 for both zeros.
    return value === 0 ? 0 : value
  }
  if (typeof value !== 'object') throw optionsError(`a value holds a ${typeof value}, which JSON cannot say`)
  if (depth > maxDepth - levelsAbove) throw optionsError(`a value is nested more than ${maxDepth - levelsAbove} deep`)
  if (Array.isArray(value)) return Array.from(value, (item) => copy(item, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw optionsError('a value holds an object of a class')
  const members: Record<string, JsonValue> = {}
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__' || loneSurrogate.test(name)) throw optionsError('a value has a member that is not allowed')
    members[name] = copy(member, depth + 1)
  }
  return members
}

/**
 * A deep copy of what a caller wants stored.
 * @param above how many lists and objects of `config` lie around it
 * @throws ConfigError `ERR_CONFIG_OPTIONS` for anything that JSON would not give back as it is
 */
export const copyJson = (value: unknown, above = 0): JsonValue => copy(value, 1 + above)
