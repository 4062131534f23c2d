import { hash } from 'node:crypto'

const longestText = 1024
const keptText = 256

const shortenText = (text: string): string => {
  if (text.length <= longestText) return text
  const last = text.charCodeAt(keptText - 1)
  // Half of a surrogate pair would be no text at all.
  const kept = text.slice(0, last >= 0xd800 && last <= 0xdbff ? keptText - 1 : keptText)
  return `${kept}…sha256:${hash('sha256', text, 'base64url').slice(0, 16)}`
}

const shorten = (_name: string, value: unknown): unknown => {
  if (typeof value === 'string') return shortenText(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const names = Object.keys(value)
  if (names.every((name) => name.length <= longestText)) return value
  return Object.fromEntries(names.map((name) => [shortenText(name), (value as Record<string, unknown>)[name]]))
}

/**
 * JSON in which every string and every name of a field over 1,024 UTF-16 units is cut to its first 256 and `…sha256:` with the first 16 base64url
 * characters of its SHA-256 (of its UTF-8).
 */
export const toShortJson = (value: object): string => {
  const json = JSON.stringify(value)
  return json.length <= longestText ? json : JSON.stringify(value, shorten)
}
