import { ValidatorError } from '../errors.ts'
import { hashOf } from './items.ts'
import type { PinLock } from './types.ts'

const bad = (problem: string): never => {
  throw new ValidatorError('ERR_VALIDATOR_LOCK', `the lock of pins cannot be used: ${problem}`)
}

export const EMPTY_LOCK: PinLock = Object.freeze({ format: 'portcullis-pins', version: 1, servers: Object.freeze({}) })

/** Checks a lock that came from outside; each hash must be that of its JSON. @throws ValidatorError ERR_VALIDATOR_LOCK */
export function readLock(value: unknown): PinLock {
  if (typeof value !== 'object' || value === null) return bad('it is no object')
  const { format, version, servers, ...unknown } = value as Record<string, unknown>
  const [field] = Object.keys(unknown)
  if (field !== undefined) bad(`it has an unknown field ${JSON.stringify(field.slice(0, 64))}`)
  if (format !== 'portcullis-pins') bad('its "format" is not "portcullis-pins"')
  if (version !== 1) bad('its "version" is not 1: another version of this program wrote it')
  if (typeof servers !== 'object' || servers === null || Array.isArray(servers)) bad('its "servers" is no object')
  for (const [server, entry] of Object.entries(servers as object)) {
    const items: unknown = (entry as { items?: unknown } | null)?.items
    if (typeof items !== 'object' || items === null) bad(`server ${JSON.stringify(server)} has no items`)
    for (const [key, item] of Object.entries(items as object)) {
      const fields: unknown = (item as { fields?: unknown } | null)?.fields
      if (typeof fields !== 'object' || fields === null) bad(`${JSON.stringify(key)} has no fields`)
      for (const [name, pinned] of Object.entries(fields as object)) {
        const { hash, json } = (pinned ?? {}) as { hash?: unknown; json?: unknown }
        if (typeof json !== 'string' || hash !== hashOf(json) || !isJson(json))
          bad(`field ${JSON.stringify(name)} of ${JSON.stringify(key)} does not match its hash`)
      }
    }
  }
  return value as PinLock
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The lock as text, in one form: sorted, two spaces, a line end; made to be kept under version control. */
export function printLock({ servers }: PinLock): string {
  const sorted = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
  }
  return `${JSON.stringify({ format: 'portcullis-pins', version: 1, servers: sorted(servers) }, null, 2)}\n`
}
