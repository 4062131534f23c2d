/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** By names in lower case; a name that comes twice is left out: two readers could take different ones. */
  readonly parameters: Readonly<Record<string, string>>
}

const MAX_HEADER_CHARS = 16_384
const isTokenChar = (char: string | undefined): boolean =>
  char !== undefined && /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/.test(char)

/** Reads challenges (RFC 9110 section 11.6.1) in one pass; what cannot be read ends the list. */
export const parseChallenges = (header: string): readonly Challenge[] => {
  const text = header.slice(0, MAX_HEADER_CHARS)
  const challenges: { scheme: string; parameters: Record<string, string> }[] = []
  const repeated = new Set<string>()
  let at = 0
  const space = (also = ''): void => {
    while (at < text.length && (' \t' + also).includes(text[at] as string)) at++
  }
  const word = (): string => {
    const start = at
    while (isTokenChar(text[at])) at++
    return text.slice(start, at)
  }
  const quoted = (): string | undefined => {
    let value = ''
    for (at++; at < text.length; at++) {
      if (text[at] === '"') {
        at++
        return value
      }
      if (text[at] === '\\') at++
      value += text[at] ?? ''
    }
    return undefined
  }

  for (;;) {
    space(',')
    const name = word()
    if (name === '') return challenges
    const end = at
    space()
    const last = challenges.at(-1)
    if (text[at] !== '=' || last === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: Object.create(null) as Record<string, string> })
      repeated.clear()
      at = end
      // A scheme is followed by a space, a comma or the end.
      if (at < text.length && !' \t,'.includes(text[at] as string)) return challenges.slice(0, -1)
      continue
    }
    at++
    space()
    const value = text[at] === '"' ? quoted() : word()
    if (value === undefined) return challenges
    const key = name.toLowerCase()
    if (repeated.has(key) || key in last.parameters) {
      repeated.add(key)
      delete last.parameters[key]
    } else last.parameters[key] = value
  }
}
