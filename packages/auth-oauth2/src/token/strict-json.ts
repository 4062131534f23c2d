const MAX_DEPTH = 16
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The JSON object in UTF-8 bytes, or undefined for what is none, names a member twice (two readers of such a token could see two different
 * ones, RFC 7519 section 4) or nests deeper than 16. Linear in its length.
 */
export const parseStrictObject = (bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined => {
  try {
    const text = decoder.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return hasUniqueMembers(text) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** `text` is known to be valid JSON, so a string is a member's name exactly if a colon follows it. */
const hasUniqueMembers = (text: string): boolean => {
  const open: (Set<string> | undefined)[] = []
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '{' || char === '[') {
      if (open.length === MAX_DEPTH) return false
      open.push(char === '{' ? new Set() : undefined)
    } else if (char === '}' || char === ']') {
      open.pop()
    } else if (char === '"') {
      const end = endOfString(text, i)
      const members = open.at(-1)
      if (members !== undefined && isFollowedByColon(text, end)) {
        const written = text.slice(i + 1, end - 1)
        const name = written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written
        if (members.has(name)) return false
        members.add(name)
      }
      i = end - 1
    }
  }
  return true
}

const endOfString = (text: string, start: number): number => {
  let i = start + 1
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}

const isFollowedByColon = (text: string, from: number): boolean => {
  let i = from
  while (text[i] === ' ' || text[i] === '\t' || text[i] === '\n' || text[i] === '\r') i++
  return text[i] === ':'
}
