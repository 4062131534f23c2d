import type { Token } from './glob.ts'
import type { ParsedGrant } from './grant.ts'
import type { MatcherMode } from './matcher.ts'
import { canonicalResourceUri, MAX_NAME_CHARS } from './uri.ts'

/** Why no action can match, or undefined where one might. Sees what a single pattern shows; it never doubts one that something matches. */
export function whyImpossible({ kinds, pattern }: ParsedGrant, mode: MatcherMode): string | undefined {
  if (pattern === undefined) return undefined
  // The form of a resource that a restriction is held against may be a slash longer than its name.
  if (fixedChars(pattern) > MAX_NAME_CHARS + 1) return `no action has a name of more than ${MAX_NAME_CHARS} characters`
  const [first] = pattern
  if (!kinds.includes('resource') || typeof first !== 'string') return undefined
  const probe = pattern.length === 1 ? first : rootOf(first)
  if (probe === undefined) return undefined
  const spellings = mode === 'grant' ? [probe] : spellingsOf(probe)
  return spellings.some((uri) => canonicalResourceUri(uri) !== undefined)
    ? undefined
    : 'the URI has no canonical form, so every request for it is refused'
}

/** `scheme://authority/`, if all of it stands before the first wildcard: what is wrong with that is wrong with every URI that follows. */
function rootOf(literal: string): string | undefined {
  const colon = literal.indexOf(':')
  const slash = literal.startsWith('://', colon) ? literal.indexOf('/', colon + 3) : -1
  return slash < 0 ? undefined : literal.slice(0, slash + 1)
}

function fixedChars(pattern: readonly Token[]): number {
  let sum = 0
  for (const token of pattern) if (typeof token === 'string') sum += token.length
  return sum
}

/** URIs whose restricted forms hold this one: with a parameter after the authority or the path, with the last slash and without. */
function spellingsOf(uri: string): readonly string[] {
  const slash = uri.indexOf('/', uri.indexOf('//') + 2)
  const ends = [uri, uri.endsWith('/') ? uri.slice(0, -1) : `${uri}/`]
  if (slash < 0) return [...ends, `${uri};x`]
  return ends.flatMap((end) => [end, `${end};x`, `${end.slice(0, slash)};x${end.slice(slash)}`])
}
