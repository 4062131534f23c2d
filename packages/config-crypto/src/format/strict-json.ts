import { ConfigError } from '../errors.ts'
import type { JsonValue } from '../types.ts'

export const maxDepth = 64

// Half of a surrogate pair has no UTF-8: two different texts would have one MAC.
export const loneSurrogate = /\p{Surrogate}/u
// Escapes, control characters and surrogates; a string without is taken as it stands.
const needsCare = /[\\\u0000-\u001f\ud800-\udfff]/
const numberSyntax = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

const positionOf = (text: string, at: number): string => {
  const before = text.slice(0, at)
  const lineStart = before.lastIndexOf('\n') + 1
  return `line ${before.split('\n').length}, column ${at - lineStart + 1}`
}

/**
 * JSON (RFC 8259) without what two readers may take differently: repeated members, `__proto__`, half surrogate pairs, numbers beyond binary64, depth over 64.
 * @throws ConfigError `ERR_CONFIG_MALFORMED` with the place, never with what stands there
 */
export const parseStrictJson = (text: string): JsonValue => {
  let at = 0

  const bad = (what: string, where = at): ConfigError =>
    new ConfigError('ERR_CONFIG_MALFORMED', `${what} at ${positionOf(text, where)}`)

  const skipSpace = (): void => {
    for (;;) {
      const code = text.charCodeAt(at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      at++
    }
  }

  /** Past the end of a string that holds an escape, or is bad. */
  const skipString = (): void => {
    const start = at
    for (at++; ; at++) {
      const code = text.charCodeAt(at)
      if (code === 0x22) break
      // Also the end of the text, whose code is NaN.
      if (!(code >= 0x20)) throw bad('a string is not closed', start)
      if (code === 0x5c) at++
    }
    at++
  }

  const readString = (): string => {
    const start = at
    const end = text.indexOf('"', at + 1)
    const plain = end < 0 ? '\\' : text.slice(at + 1, end)
    if (!needsCare.test(plain)) {
      at = end + 1
      return plain
    }
    skipString()
    let value: string
    try {
      value = JSON.parse(text.slice(start, at)) as string
    } catch {
      throw bad('a string has a bad escape', start)
    }
    if (loneSurrogate.test(value)) throw bad('a string has half of a surrogate pair', start)
    return value
  }

  const readNumber = (): number => {
    const start = at
    while (/^[-+.0-9eE]$/.test(text.charAt(at))) at++
    const token = text.slice(start, at)
    const value = Number(token)
    if (!numberSyntax.test(token) || !Number.isFinite(value)) throw bad('not JSON', start)
    return value
  }

  const readWord = (word: string, value: JsonValue): JsonValue => {
    if (!text.startsWith(word, at)) throw bad('not JSON')
    at += word.length
    return value
  }

  /** After a member: whether another one follows. */
  const another = (end: string): boolean => {
    skipSpace()
    const character = text.charAt(at)
    if (character !== ',' && character !== end) throw bad('not JSON')
    at++
    return character === ','
  }

  const readArray = (depth: number): JsonValue => {
    const items: JsonValue[] = []
    at++
    skipSpace()
    if (text.charAt(at) === ']') {
      at++
      return items
    }
    do items.push(readValue(depth))
    while (another(']'))
    return items
  }

  const readObject = (depth: number): JsonValue => {
    const members: Record<string, JsonValue> = {}
    at++
    skipSpace()
    if (text.charAt(at) === '}') {
      at++
      return members
    }
    do {
      skipSpace()
      const start = at
      if (text.charAt(at) !== '"') throw bad('not JSON')
      const name = readString()
      if (name === '__proto__') throw bad('a member that is not allowed', start)
      if (Object.hasOwn(members, name)) throw bad('a member that was there already', start)
      skipSpace()
      if (text.charAt(at) !== ':') throw bad('not JSON')
      at++
      members[name] = readValue(depth)
    } while (another('}'))
    return members
  }

  const readValue = (outer: number): JsonValue => {
    skipSpace()
    const depth = outer + 1
    switch (text.charAt(at)) {
      case '{':
      case '[':
        if (depth > maxDepth) throw bad(`nested more than ${maxDepth} deep`)
        return text.charAt(at) === '{' ? readObject(depth) : readArray(depth)
      case '"':
        return readString()
      case 't':
        return readWord('true', true)
      case 'f':
        return readWord('false', false)
      case 'n':
        return readWord('null', null)
      default:
        return readNumber()
    }
  }

  const value = readValue(0)
  skipSpace()
  if (at < text.length) throw bad('not JSON')
  return value
}
