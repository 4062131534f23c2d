import { AuthzError } from './errors.ts'
import { ANY, DIRS, RUN, type Token } from './glob.ts'
import { isNameChar, isSafeName, isServerId } from './name.ts'
import { ACTION_KINDS, type ActionKind } from './types.ts'
import { ANY_MARK, canonicalUriPattern, RUN_MARK } from './uri.ts'

const MAX_GRANT_CHARS = 4096

/** One line of permission, taken apart. */
export interface ParsedGrant {
  readonly text: string
  readonly deny: boolean
  readonly kinds: readonly ActionKind[]
  /** Absent where the grant names none. */
  readonly server?: string
  /** Absent: every name on every server (`*` and `kind:*`). */
  readonly pattern?: readonly Token[]
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const EVERY_KIND_BUT_ADMIN = ACTION_KINDS.filter((kind) => kind !== 'admin')

/**
 * Parses `["!"] [kind ":"] [server "/"] pattern`.
 *
 * What stands before the first `/` is the server if it consists of `[a-z0-9-]` or is `*`. A URI has its scheme's colon there, so that
 * `resource:file:///data/**` names no server and `resource:files/file:///data/**` names `files`.
 * @throws AuthzError ERR_AUTHZ_GRANT with the grant and what is wrong with it
 */
export function parseGrant(grant: unknown): ParsedGrant {
  const fail = (problem: string): never => {
    throw new AuthzError('ERR_AUTHZ_GRANT', `grant ${quote(grant)} is malformed: ${problem}`)
  }
  if (typeof grant !== 'string') return fail('it is not a string')
  if (grant.length > MAX_GRANT_CHARS) return fail(`it is longer than ${MAX_GRANT_CHARS} characters`)
  const deny = grant.startsWith('!')
  const body = deny ? grant.slice(1) : grant
  if (body === '') return fail('it is empty')
  if (body === '*') return { text: grant, deny, kinds: EVERY_KIND_BUT_ADMIN }

  const kind = ACTION_KINDS.find((candidate) => body.startsWith(`${candidate}:`)) ?? 'tool'
  const path = body.startsWith(`${kind}:`) ? body.slice(kind.length + 1) : body
  if (path === '*' && path !== body) return { text: grant, deny, kinds: [kind] }

  const slash = path.indexOf('/')
  const before = slash < 0 ? '' : path.slice(0, slash)
  const named = before === '*' || isServerId(before)
  const name = named ? path.slice(slash + 1) : path
  const parsed = kind === 'resource' ? parseUriPattern(name) : parseNamePattern(name)
  if (typeof parsed === 'string') return fail(parsed)
  return { text: grant, deny, kinds: [kind], ...(named ? { server: before } : {}), pattern: parsed }
}

/** @throws AuthzError ERR_AUTHZ_GRANT for what is no array, and for a malformed line */
export function parseGrants(grants: readonly string[]): readonly ParsedGrant[] {
  if (!Array.isArray(grants)) throw new AuthzError('ERR_AUTHZ_GRANT', 'grants must be an array of strings')
  return Array.from(grants, parseGrant)
}

/** The text, JSON-encoded, cut so that a message stays readable. */
function quote(value: unknown): string {
  if (typeof value !== 'string') return `(${typeof value})`
  return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value)
}

/** Tokens, or what is wrong. */
function parseNamePattern(name: string): readonly Token[] | string {
  if (name === '') return 'it names nothing'
  const tokens: Token[] = []
  let literal = ''
  for (let i = 0; i < name.length; i++) {
    const char = name[i] as string
    if (char === '*') {
      if (name[i + 1] === '*') return '"**" is for resource URIs; in a name write one "*"'
      if (literal !== '') tokens.push(literal)
      literal = ''
      tokens.push(RUN)
    } else if (char === '%') {
      let end = i
      while (name[end] === '%') end += 3
      const decoded = percentDecode(name.slice(i, end))
      if (decoded === undefined) return `${JSON.stringify(name.slice(i, end))} is not percent-encoded UTF-8`
      literal += decoded
      i = end - 1
    } else if (isNameChar(name.charCodeAt(i))) {
      literal += char
    } else {
      return explainChar(name, i)
    }
  }
  if (literal !== '') tokens.push(literal)
  const problem = tokens.some((token) => typeof token === 'string' && !isSafeName(token))
  return problem ? 'it names control characters or more than 1,024 characters, which no action may hold' : tokens
}

function explainChar(name: string, at: number): string {
  const char = String.fromCodePoint(name.codePointAt(at) as number)
  if (char === ':') {
    return `${JSON.stringify(name.slice(0, at))} is not a kind (${ACTION_KINDS.join(', ')}); in a name ":" is written %3A`
  }
  if (char === '/')
    return `${JSON.stringify(name.slice(0, at))} is not a server ([a-z0-9-]+ or *), or "/" is written twice; in a name it is %2F`
  if (char === '!') return 'only one "!" may stand, in front'
  return `${JSON.stringify(char)} is written percent-encoded in a name`
}

function percentDecode(escapes: string): string | undefined {
  if (escapes.length % 3 !== 0) return undefined
  const bytes = new Uint8Array(escapes.length / 3)
  for (let i = 0; i < bytes.length; i++) {
    const hex = escapes.slice(i * 3 + 1, i * 3 + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return undefined
    bytes[i] = Number.parseInt(hex, 16)
  }
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Tokens, or what is wrong. */
function parseUriPattern(pattern: string): readonly Token[] | string {
  if (pattern === '') return 'it names nothing'
  if (pattern === '**') return [ANY]
  if (pattern.includes('***')) return 'three stars in a row mean nothing'
  if (pattern.includes(RUN_MARK) || pattern.includes(ANY_MARK))
    return 'characters for private use are written percent-encoded'
  if (pattern === '*') return '"*" does not cross "/"; every resource of a server is written SERVER/**'
  const canonical = canonicalUriPattern(pattern.replaceAll('**', ANY_MARK).replaceAll('*', RUN_MARK))
  if (canonical === undefined) {
    return 'it can match no canonical resource URI (a scheme, "scheme://" for http and file, no dot or empty segments, no needless escapes)'
  }
  return uriTokens(canonical)
}

/** Splits a canonical pattern at its marks; `/**` + `/` becomes DIRS, so that `/a/**` + `/b` matches `/a/b` too. */
export function uriTokens(canonical: string): readonly Token[] {
  const tokens: Token[] = []
  let literal = ''
  for (let i = 0; i < canonical.length; i++) {
    const char = canonical[i] as string
    if (char !== RUN_MARK && char !== ANY_MARK) {
      literal += char
      continue
    }
    // After "scheme://" stands an authority, not a directory.
    const inPath = canonical[i - 1] === '/' && !canonical.endsWith('://', i)
    const dirs = char === ANY_MARK && inPath && canonical[i + 1] === '/'
    if (literal !== '') tokens.push(literal)
    literal = ''
    tokens.push(char === RUN_MARK ? RUN : dirs ? DIRS : ANY)
    if (dirs) i++
  }
  if (literal !== '') tokens.push(literal)
  return tokens
}
