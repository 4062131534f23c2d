/** The names of members and the indexes of items that lead to a value, from `config` on. */
export type Path = readonly string[]

const nameSyntax = /^[A-Za-z0-9_.-]{1,128}$/
const loneSurrogate = /\p{Surrogate}/u
const maxMemberLength = 256
// Less than what the whole file may be nested.
const maxSegments = 60

/** What a member of `config` itself may be called. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' && nameSyntax.test(name) && name !== '__proto__'

/** What a member further down may be called. */
export const isMember = (name: string): boolean =>
  name.length <= maxMemberLength && name !== '__proto__' && !loneSurrogate.test(name)

const escapeSegment = (segment: string): string =>
  /[~/]/.test(segment) ? segment.replaceAll('~', '~0').replaceAll('/', '~1') : segment

/** RFC 6901. */
export const childPointer = (pointer: string, segment: string | number): string =>
  `${pointer}/${typeof segment === 'number' ? segment : escapeSegment(segment)}`

export const formatPointer = (path: Path): string => path.reduce<string>(childPointer, '')

/** The path in a JSON Pointer (RFC 6901); `undefined` for any other text, and for the pointer to everything. */
export const parsePointer = (text: string): Path | undefined => {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  return text
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A value as callers name it: a name of `config` itself, or a JSON Pointer. `undefined` for what no value can be called. */
export const parsePlace = (place: unknown): Path | undefined => {
  if (isName(place)) return [place]
  const path = typeof place === 'string' && place.length <= 4096 ? parsePointer(place) : undefined
  const [first, ...others] = path ?? []
  return isName(first) && others.length < maxSegments && others.every(isMember) ? path : undefined
}
