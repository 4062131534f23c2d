import { parseGrants, type ParsedGrant } from './grant.ts'
import { whyImpossible } from './impossible.ts'
import { allowCovers, restrictionCovers, restrictionCoversAllow } from './inclusion.ts'
import { compileMatcher, type MatcherMode } from './matcher.ts'
import type { Action, LintFinding } from './types.ts'

/**
 * Doubts about lines of permission that load, in their order, at most one a line: what repeats, what another line implies, what a deny takes away
 * whole, what can match nothing. With `knownActions` (all that there are, of each kind that is listed) also lines that match none of them, with
 * `knownServers` (beside `local`) lines for a server that is not there. What it names can go, or is a mistake; what several lines do together it
 * does not see.
 * @throws AuthzError ERR_AUTHZ_GRANT for a malformed line
 */
export function lintGrants(
  grants: readonly string[],
  knownActions?: readonly Action[],
  knownServers?: readonly string[],
): LintFinding[] {
  const lines = parseGrants(grants)
  return lines.flatMap((line, i) => {
    const place = `grants[${i}]`
    const doubt =
      doubtOf(line, line.deny ? 'restrict' : 'grant', knownActions, knownServers) ?? doubtAmong(line, i, lines)
    return doubt === undefined ? [] : [{ place, ...doubt }]
  })
}

export type Doubt = Omit<LintFinding, 'place'>

/** What is wrong with a line or the match of a rule for itself. */
export function doubtOf(
  line: ParsedGrant,
  mode: MatcherMode,
  knownActions: readonly Action[] | undefined,
  knownServers: readonly string[] | undefined,
): Doubt | undefined {
  const text = JSON.stringify(line.text)
  const impossible = whyImpossible(line, mode)
  if (impossible !== undefined) return { problem: 'impossible', message: `${text} can match nothing: ${impossible}` }
  const { server } = line
  if (server !== undefined && server !== '*' && server !== 'local' && knownServers?.includes(server) === false) {
    return { problem: 'unknown_server', message: `${text} is for a server that is not configured` }
  }
  // Of a kind that is not listed at all nothing is known.
  const known = (knownActions ?? []).filter((action) => line.kinds.includes(action.kind))
  if (known.length === 0) return undefined
  const matcher = compileMatcher([line], mode)
  if (known.some((action) => matcher.find(action) !== undefined)) return undefined
  return { problem: 'unmatched', message: `${text} matches no known action` }
}

function doubtAmong(line: ParsedGrant, at: number, lines: readonly ParsedGrant[]): Doubt | undefined {
  const implies = line.deny ? restrictionCovers : allowCovers
  const alike = (other: ParsedGrant): boolean => other !== line && other.deny === line.deny && implies(other, line)
  const text = JSON.stringify(line.text)
  const same = lines.findIndex((other, i) => i < at && alike(other) && implies(line, other))
  if (same >= 0) return { problem: 'duplicate', message: `${text} says what grants[${same}] says` }
  const deny = lines.findIndex((other) => !line.deny && other.deny && restrictionCoversAllow(other, line))
  if (deny >= 0) return { problem: 'denied', message: `${text} allows nothing: grants[${deny}] denies all of it` }
  const wider = lines.findIndex((other) => alike(other) && !implies(line, other))
  if (wider >= 0) return { problem: 'redundant', message: `grants[${wider}] implies ${text}` }
  return undefined
}
