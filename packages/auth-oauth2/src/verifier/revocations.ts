import { invalid, numberIn, optionalFunction, refuseUnknown } from '../checks.ts'
import { OAuth2Error } from '../errors.ts'
import type { Revocations, TokenClaims } from '../types.ts'

/** What is taken back: one token, or all that an issuer made for a subject or client up to a moment. */
export type Revocation =
  | { readonly issuer: string; readonly tokenId: string }
  | { readonly issuer: string; readonly subject: string; readonly issuedUntilMs?: number }
  | { readonly issuer: string; readonly clientId: string; readonly issuedUntilMs?: number }

export interface RevocationList extends Revocations {
  /**
   * Takes effect with the next use. `issuedUntilMs`: default five seconds from now, as the issuer's clock may be ahead; a token that does not say when it was issued is covered too.
   * Throws OAuth2Error `ERR_OAUTH2_OPTIONS`, and `ERR_OAUTH2_UNAVAILABLE` when the list is full: nothing is forgotten to make room.
   */
  revoke(revocation: Revocation): void
  readonly size: number
}

interface Entry {
  readonly untilMs: number
  readonly addedAtMs: number
}

const DAY_SEC = 86_400
/** How far the clock of an issuer may be ahead. */
const SKEW_MS = 5000
const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts)

/**
 * A list of revocations in this process. `keepSec`: how long an entry is kept, at least as long as tokens live: 60 to 31,536,000, default 31 days.
 * `maxEntries`: 1 to 10,000,000, default 100,000.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const createRevocations = (
  options: { readonly maxEntries?: number; readonly keepSec?: number; readonly clock?: () => number } = {},
): RevocationList => {
  refuseUnknown('createRevocations options', options, ['maxEntries', 'keepSec', 'clock'])
  optionalFunction('clock', options.clock)
  const { clock = Date.now } = options
  const maxEntries = numberIn('maxEntries', options.maxEntries, 100_000, 1, 10_000_000)
  const keepMs = numberIn('keepSec', options.keepSec, 31 * DAY_SEC, 60, 365 * DAY_SEC) * 1000
  const entries = new Map<string, Entry>()

  const sweep = (now: number): void => {
    for (const [key, { addedAtMs }] of entries) {
      if (addedAtMs + keepMs > now) return
      entries.delete(key)
    }
  }

  const covers = (key: string, claims: TokenClaims): boolean => {
    const entry = entries.get(key)
    return entry !== undefined && (claims.issuedAtMs === undefined || claims.issuedAtMs <= entry.untilMs)
  }

  return {
    covers(claims) {
      if (entries.size === 0) return false
      const { issuer, tokenId, subject, clientId } = claims
      if (tokenId !== undefined && entries.has(keyOf('token', issuer, tokenId))) return true
      if (subject !== undefined && covers(keyOf('subject', issuer, subject), claims)) return true
      return clientId !== undefined && covers(keyOf('client', issuer, clientId), claims)
    },
    revoke(revocation) {
      refuseUnknown('revocation', revocation, ['issuer', 'tokenId', 'subject', 'clientId', 'issuedUntilMs'])
      const now = clock()
      const {
        issuer,
        tokenId,
        subject,
        clientId,
        issuedUntilMs = now + SKEW_MS,
      } = revocation as Record<string, unknown>
      const named = Object.entries({ token: tokenId, subject, client: clientId }).filter(
        ([, value]) => value !== undefined,
      )
      const [[kind, value] = ['', undefined]] = named
      if (
        typeof issuer !== 'string' ||
        named.length !== 1 ||
        typeof value !== 'string' ||
        typeof issuedUntilMs !== 'number' ||
        Number.isNaN(issuedUntilMs)
      ) {
        throw invalid('a revocation names an issuer and one of tokenId, subject and clientId')
      }
      sweep(now)
      const key = keyOf(kind, issuer, value)
      if (entries.size >= maxEntries && !entries.has(key)) {
        throw new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', 'the list of revocations is full', { retryAfterMs: 1000 })
      }
      const untilMs = Math.max(issuedUntilMs, entries.get(key)?.untilMs ?? 0)
      entries.delete(key)
      entries.set(key, { untilMs, addedAtMs: now })
    },
    get size() {
      return entries.size
    },
  }
}
