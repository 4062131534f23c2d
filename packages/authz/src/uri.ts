export const MAX_NAME_CHARS = 1024

/** Stand for `*` and `**` while a pattern goes through the same steps as a URI. Private use: a concrete URI percent-encodes them. */
export const RUN_MARK = '\uE000'
export const ANY_MARK = '\uE001'

const DEFAULT_PORTS = new Map([
  ['http', '80'],
  ['ws', '80'],
  ['https', '443'],
  ['wss', '443'],
  ['ftp', '21'],
])
const REFUSED_CHARS = '"<>\\^`{|}#'
const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

/**
 * The one form in which a resource URI is decided on and passed on, or undefined for a URI that is refused.
 *
 * Done to it: scheme in lower case, host in lower case and the default port dropped for http, https, ws, wss and ftp, `file://localhost/` as
 * `file:///` (RFC 8089 section 2), escapes in upper case, spaces and characters beyond ASCII percent-encoded (RFC 3987 section 3.1).
 * Refused: over 1,024 characters, no scheme, dot segments, empty segments inside the path (with `;` parameters too), userinfo, fragments, an empty
 * query, a query on `file:`, a host on `file:` other than `localhost`, a host with an empty label or a dot at its end, encoded unreserved characters,
 * encoded slashes and backslashes, a percent sign encoded twice, bytes that are not UTF-8, control characters, and whatever the WHATWG URL parser
 * would read as another URI (a host written as one number, say).
 */
export function canonicalResourceUri(uri: string): string | undefined {
  if (typeof uri !== 'string' || uri.length === 0 || uri.length > MAX_NAME_CHARS) return undefined
  const canonical = canonicalise(uri, false)
  if (canonical === undefined || canonical.length > MAX_NAME_CHARS) return undefined
  if (!URL.canParse(canonical) || new URL(canonical).href !== canonical) return undefined
  return canonical
}

/** The same steps for a pattern whose wildcards are `RUN_MARK` and `ANY_MARK`; undefined for one that could match no canonical URI. */
export function canonicalUriPattern(marked: string): string | undefined {
  return canonicalise(marked, true)
}

function canonicalise(text: string, marks: boolean): string | undefined {
  const colon = text.indexOf(':')
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase()
  if (!isScheme(scheme)) return undefined
  const rest = normaliseText(text.slice(colon + 1), marks)
  if (rest === undefined) return undefined
  const mark = rest.indexOf('?')
  const beforeQuery = mark < 0 ? rest : rest.slice(0, mark)
  let query = mark < 0 ? '' : rest.slice(mark)
  if (query === '?' || (query !== '' && scheme === 'file')) return undefined
  const special = DEFAULT_PORTS.has(scheme)
  if (special) query = query.replaceAll("'", '%27')
  if (!beforeQuery.startsWith('//')) {
    if (special || scheme === 'file' || beforeQuery === '' || !isPath(beforeQuery)) return undefined
    return `${scheme}:${beforeQuery}${query}`
  }
  const slash = beforeQuery.indexOf('/', 2)
  const authority = canonicalAuthority(scheme, slash < 0 ? beforeQuery.slice(2) : beforeQuery.slice(2, slash))
  let path = slash < 0 ? '' : beforeQuery.slice(slash)
  if (special && path === '' && !authority?.endsWith(ANY_MARK)) path = '/'
  if (authority === undefined || (authority === '' && path === '') || !isPath(path)) return undefined
  return `${scheme}://${authority}${path}${query}`
}

/** Two characters at least, so that a drive letter is not taken for a scheme. */
function isScheme(scheme: string): boolean {
  if (scheme.length < 2) return false
  for (let i = 0; i < scheme.length; i++) {
    const code = scheme.charCodeAt(i)
    const letter = code >= 0x61 && code <= 0x7a
    if (letter || (i > 0 && ((code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e)))
      continue
    return false
  }
  return true
}

function canonicalAuthority(scheme: string, authority: string): string | undefined {
  if (authority.includes('@') || authority.includes('%40')) return undefined
  if (scheme === 'file') {
    // Most readers of `file:` ignore the host, so that `file://x/a` and `file:///a` are one file: only the second may be said.
    return authority.toLowerCase() === 'localhost' ? '' : mayBeEmpty(authority) ? authority : undefined
  }
  if (hasEmptyLabel(authority)) return undefined
  const defaultPort = DEFAULT_PORTS.get(scheme)
  if (defaultPort === undefined) return authority
  // A host of "*" parses, and no grant could name it.
  if (authority === '' || authority.includes('%') || authority.includes('*')) return undefined
  const host = authority.toLowerCase()
  // After `**` may stand a part of the path, which has a case: lower case alone would miss what a deny was written for.
  const open = authority.indexOf(ANY_MARK)
  if (open >= 0 && host.slice(open) !== authority.slice(open)) return undefined
  return host.endsWith(`:${defaultPort}`) ? host.slice(0, -defaultPort.length - 1) : host
}

/** True for nothing, and for a pattern that can stand for nothing before the slash that ends it. */
function mayBeEmpty(authority: string): boolean {
  for (const char of authority) {
    if (char === ANY_MARK) return true
    if (char !== RUN_MARK) return false
  }
  return true
}

/** `a..b`, `.a`, and `a.`, which DNS reads as `a` (RFC 1034 section 3.1). */
function hasEmptyLabel(authority: string): boolean {
  const host = authority.split(':', 1)[0] as string
  return host.startsWith('.') || host.endsWith('.') || host.includes('..')
}

/** No dot segment, no empty segment but the last; brackets belong to an authority. */
function isPath(path: string): boolean {
  if (path.includes('[') || path.includes(']')) return false
  const segments = path.split('/')
  for (let i = path.startsWith('/') ? 1 : 0; i < segments.length; i++) {
    const segment = segments[i] as string
    if (segment === '' && i < segments.length - 1) return false
    // Some servers cut a segment at ";" before they resolve it, some after decoding it.
    const name = segment.replace('%3B', ';').split(';', 1)[0]
    if (name === '.' || name === '..' || (name === '' && segment !== '')) return false
  }
  return true
}

function normaliseText(text: string, marks: boolean): string | undefined {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    const code = text.charCodeAt(i)
    if (char === '%') {
      const end = endOfEscapes(text, i)
      const escapes = text.slice(i, end).toUpperCase()
      if (!areEscapesAllowed(escapes, text.slice(end, end + 2))) return undefined
      out += escapes
      i = end - 1
    } else if (code > 0x20 && code < 0x7f) {
      if (REFUSED_CHARS.includes(char)) return undefined
      out += char
    } else if (marks && (char === RUN_MARK || char === ANY_MARK)) {
      out += char
    } else if (char === ' ' && i < text.length - 1) {
      out += '%20'
    } else {
      const encoded = encodeBeyondAscii(text, i)
      if (encoded === undefined) return undefined
      out += encoded
      if (code >= 0xd800 && code <= 0xdfff) i++
    }
  }
  return out
}

function encodeBeyondAscii(text: string, at: number): string | undefined {
  const code = text.codePointAt(at) as number
  if (code < 0xa0 || (code >= 0xd800 && code <= 0xdfff)) return undefined
  let out = ''
  for (const byte of encoder.encode(String.fromCodePoint(code))) out += `%${byte.toString(16).toUpperCase()}`
  return out
}

function endOfEscapes(text: string, start: number): number {
  let end = start
  while (text[end] === '%') end += 3
  return end
}

/** `escapes` is a run of `%XX`, `after` the two characters that follow it. */
function areEscapesAllowed(escapes: string, after: string): boolean {
  if (escapes.length % 3 !== 0) return false
  const bytes = new Uint8Array(escapes.length / 3)
  for (let i = 0; i < bytes.length; i++) {
    const byte = hexByte(escapes, i * 3 + 1)
    if (byte === undefined || isRefusedByte(byte)) return false
    bytes[i] = byte
  }
  // "%25" and two hex digits: a server that decodes twice would see another URI.
  if (bytes.at(-1) === 0x25 && hexByte(after, 0) !== undefined) return false
  try {
    const decoded = decoder.decode(bytes)
    for (let i = 0; i < decoded.length; i++) {
      const code = decoded.charCodeAt(i)
      if (code >= 0x80 && code <= 0x9f) return false
    }
    return true
  } catch {
    return false
  }
}

function hexByte(text: string, at: number): number | undefined {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? undefined : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x41 && code <= 0x46) return code - 0x37
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}

/** Controls, unreserved characters (RFC 3986 section 2.3), slash and backslash. */
function isRefusedByte(byte: number): boolean {
  if (byte < 0x20 || byte === 0x7f || byte === 0x2f || byte === 0x5c || byte === 0x7e || byte === 0x5f) return true
  if (byte === 0x2d || byte === 0x2e || (byte >= 0x30 && byte <= 0x39)) return true
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
}

const FOLDED = new Map(
  Array.from("!$&'()*+,;=:@", (char) => [`%${char.charCodeAt(0).toString(16).toUpperCase()}`, char]),
)

/** A canonical URI or pattern with the escapes of `! $ & ' ( ) * + , ; = : @` decoded: servers read both spellings as one name, so denies must. */
export function foldUri(canonical: string): string {
  if (!canonical.includes('%')) return canonical
  return canonical.replace(/%[0-9A-F]{2}/g, (escape) => FOLDED.get(escape) ?? escape)
}

/**
 * The forms of a canonical URI that a deny or a rule is held against: itself, and folded, with and without the `;` parameters of its segments (RFC
 * 3986 section 3.3), each with and without the last slash of its path.
 */
export function restrictedForms(canonical: string): readonly string[] {
  const folded = foldUri(canonical)
  const mark = folded.indexOf('?')
  const path = mark < 0 ? folded : folded.slice(0, mark)
  const query = mark < 0 ? '' : folded.slice(mark)
  const paths = path.includes(';') ? [path, withoutParameters(path)] : [path]
  const forms = paths.flatMap((form) => [
    `${form}${query}`,
    `${form.endsWith('/') ? form.slice(0, -1) : `${form}/`}${query}`,
  ])
  // A wildcard may have met a part of an escape: what an allow matches, the same pattern as a deny must match.
  return folded === canonical ? forms : [canonical, ...forms]
}

function withoutParameters(path: string): string {
  return path
    .split('/')
    .map((segment) => segment.split(';', 1)[0])
    .join('/')
}
