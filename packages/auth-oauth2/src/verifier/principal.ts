import { grantsFromScopes, scopesMayConnect } from '@portcullis/authz'
import type { CheckedClaims } from '../token/claims.ts'
import type { OAuth2Principal, TokenClaims, VerifyResult } from '../types.ts'

const insufficient: VerifyResult = Object.freeze({
  ok: false,
  reason: 'insufficient_scope',
  missingScopes: Object.freeze(['mcp:server:access']),
})

/**
 * Injective over the issuer and the subject or, for a token without one, the client: every part is percent-encoded, so `:` stands between parts
 * only, and a client never has the id of a subject.
 */
export const principalIdOf = ({ issuer, subject, clientId }: TokenClaims): string => {
  const who = subject === undefined ? ['client', clientId ?? ''] : ['sub', subject]
  return ['oauth2', issuer, ...who].map(encodeURIComponent).join(':')
}

/** The result for a token that was verified: its principal, or that its scopes do not let it connect. */
export const resultFor = (
  checked: CheckedClaims,
  nowMs: number,
  toleranceMs: number,
  implies: Readonly<Record<string, readonly string[]>>,
): VerifyResult => {
  const { claims, expiresAtMs } = checked
  if (!scopesMayConnect(claims.scopes, implies)) return insufficient
  const principal: OAuth2Principal = Object.freeze({
    id: principalIdOf(claims),
    method: 'oauth2',
    grants: grantsFromScopes(claims.scopes, implies),
    authenticatedAtMs: nowMs,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs: Math.floor(expiresAtMs + toleranceMs) }),
    claims: claims as OAuth2Principal['claims'],
  })
  return Object.freeze({ ok: true, principal })
}
