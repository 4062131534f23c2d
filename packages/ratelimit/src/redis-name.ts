import { createHash, hash } from 'node:crypto'

const MAX_NAMES = 10_000

/** Every outside part of a key is hashed, as the hash tag of a Cluster. What was hashed lately is remembered. */
export function createNaming(namespace: string): (key: string) => string {
  const names = new Map<string, string>()
  return (key) => {
    const known = names.get(key)
    if (known !== undefined) return known
    // As UTF-8 lone surrogates would all be one; 0xFF is in no UTF-8.
    const digest = /[\ud800-\udfff]/.test(key)
      ? createHash('sha256').update('\xff', 'latin1').update(key, 'utf16le').digest('base64url')
      : hash('sha256', key, 'base64url')
    const name = `${namespace}:limits:{${digest.slice(0, 32)}}`
    if (names.size >= MAX_NAMES) names.clear()
    names.set(key, name)
    return name
  }
}
