import { ANY, covers, type Crosses, RUN, type Token } from './glob.ts'
import { type ParsedGrant, parseGrants } from './grant.ts'
import { crossesAll, crossesNoSlash, fold, type MatcherMode, resourceCovers } from './matcher.ts'
import { isNameChar } from './name.ts'

/**
 * The allows of `wanted` that nobody who holds `held` may hand on: no single allow of `held` covers them, or a deny of `held` takes them away whole.
 * Conservative: it may name a line that several lines of `held` cover together, and never leaves out one that allows more than `held`.
 * Of the lines it leaves out, `held` allows every action or refuses it by a deny. Denies in `wanted` only restrict and are never named; `admin`
 * lines are covered by `admin` lines alone. Work: the product of both texts' lengths, over all pairs.
 * @throws AuthzError ERR_AUTHZ_GRANT for a malformed line in either list
 */
export function uncoveredGrants(held: readonly string[], wanted: readonly string[]): readonly string[] {
  const lines = parseGrants(held)
  const covered = (inner: ParsedGrant): boolean =>
    lines.some((outer) => !outer.deny && allowCovers(outer, inner)) &&
    !lines.some((outer) => outer.deny && mayDenyWhole(outer, inner))
  return parseGrants(wanted)
    .filter((line) => !line.deny && !covered(line))
    .map((line) => line.text)
}

/** True only if the allow `outer` allows every action that the allow `inner` does. */
export function allowCovers(outer: ParsedGrant, inner: ParsedGrant): boolean {
  const shared = patternsWithin(outer, inner, 'grant', 'grant')
  if (typeof shared === 'boolean') return shared
  return covers(shared.outer, shared.inner, inner.kinds.includes('resource') ? crossesNoSlash : isNameChar)
}

/** True only if the restriction (deny or rule) `outer` matches every action that the allow `inner` does. */
export function restrictionCoversAllow(outer: ParsedGrant, inner: ParsedGrant): boolean {
  const shared = patternsWithin(outer, inner, 'restrict', 'grant')
  return typeof shared === 'boolean' ? shared : covers(shared.outer, shared.inner, crossesOf(inner))
}

/** True only if the restriction `outer` matches every action that the restriction `inner` does. */
export function restrictionCovers(outer: ParsedGrant, inner: ParsedGrant): boolean {
  const shared = patternsWithin(outer, inner, 'restrict', 'restrict')
  if (typeof shared === 'boolean') return shared
  if (!covers(shared.outer, shared.inner, crossesOf(inner))) return false
  // A restriction on resources is held against folded forms too.
  return !inner.kinds.includes('resource') || resourceCovers(shared.outer, shared.inner)
}

/** True where the deny takes the allow away as a whole, or all of it but spellings that only escapes tell apart. */
function mayDenyWhole(deny: ParsedGrant, allow: ParsedGrant): boolean {
  if (restrictionCoversAllow(deny, allow)) return true
  const shared = patternsWithin(deny, allow, 'restrict', 'grant')
  if (typeof shared === 'boolean') return shared
  return allow.kinds.includes('resource') && covers(fold(shared.outer), fold(shared.inner), crossesNoSlash)
}

/** In a restriction `*` in a name runs over anything. */
function crossesOf(line: ParsedGrant): Crosses {
  return line.kinds.includes('resource') ? crossesNoSlash : crossesAll
}

interface Patterns {
  readonly outer: readonly Token[]
  readonly inner: readonly Token[]
}

/** The answer where kinds and servers give it, else the patterns that are left to compare. */
function patternsWithin(
  outer: ParsedGrant,
  inner: ParsedGrant,
  outerMode: MatcherMode,
  innerMode: MatcherMode,
): Patterns | boolean {
  if (!inner.kinds.every((kind) => outer.kinds.includes(kind))) return false
  if (outer.pattern === undefined) return true
  const outerServer = serverOf(outer, outerMode)
  if (inner.pattern === undefined) return outerServer === '*' && isEverything(outer.pattern, outerMode, inner)
  if (outerServer !== '*' && outerServer !== serverOf(inner, innerMode)) return false
  return { outer: outer.pattern, inner: inner.pattern }
}

function serverOf(line: ParsedGrant, mode: MatcherMode): string {
  return line.server ?? (mode === 'grant' ? 'local' : '*')
}

function isEverything(pattern: readonly Token[], mode: MatcherMode, { kinds }: ParsedGrant): boolean {
  const [only] = pattern
  if (pattern.length !== 1) return false
  return kinds.includes('resource') ? only === ANY : mode === 'restrict' && only === RUN
}
