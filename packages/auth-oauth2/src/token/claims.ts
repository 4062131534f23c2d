import type { RefusalReason, TokenClaims } from '../types.ts'
import { type AudienceRules, isForUs, isFromKnownClient } from './audience.ts'
import { type Confirmation, confirmationOf } from './confirmation.ts'
import { type ScopeRules, scopesOf } from './scopes.ts'

type Members = Readonly<Record<string, unknown>>

export interface ClaimRules extends AudienceRules, ScopeRules {
  readonly issuer: string
  readonly toleranceMs: number
  readonly maxLifetimeMs: number
  /** `rfc9068`: the header says `at+jwt`, and every claim that RFC 9068 section 2.2 requires is there. */
  readonly profile: 'any' | 'rfc9068'
  readonly requiredClaims: readonly string[]
}

/** What a token says, checked; times in ms since the epoch. */
export interface CheckedClaims {
  readonly claims: TokenClaims
  /** Absent only for introspected tokens that do not tell. */
  readonly expiresAtMs?: number
  /** Absent for bearer tokens. */
  readonly confirmation?: Confirmation
}

const MAX_TEXT_CHARS = 1024
/** Whatever would change how a log line reads, and halves of surrogate pairs, which no URI can hold. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u

/** Checks that JWTs alone need: they are access tokens, of this issuer, not yet expired, and not for longer than is believed. */
export const checkJwtClaims = (
  payload: Members,
  type: string,
  nowMs: number,
  rules: ClaimRules,
): CheckedClaims | RefusalReason => {
  if (payload['iss'] !== rules.issuer) return 'issuer'
  if (type !== 'at+jwt' && (rules.profile === 'rfc9068' || isOtherKind(payload))) return 'type'
  const expiresAtMs = timeOf(payload['exp'])
  if (typeof expiresAtMs !== 'number') return 'claims'
  const issuedAtMs = timeOf(payload['iat'])
  if (issuedAtMs === 'malformed') return 'claims'
  const lifetimeMs = expiresAtMs - (issuedAtMs ?? nowMs)
  if (lifetimeMs > rules.maxLifetimeMs) return 'lifetime'
  if (rules.profile === 'rfc9068') {
    for (const claim of ['sub', 'client_id', 'iat', 'jti']) if (payload[claim] === undefined) return 'claims'
  }
  return checkClaims(payload, nowMs, rules)
}

/** Checks of every token, whether it was verified or its issuer vouches for it. */
export const checkClaims = (payload: Members, nowMs: number, rules: ClaimRules): CheckedClaims | RefusalReason => {
  const expiresAtMs = timeOf(payload['exp'])
  const notBeforeMs = timeOf(payload['nbf'])
  const issuedAtMs = timeOf(payload['iat'])
  if (expiresAtMs === 'malformed' || notBeforeMs === 'malformed' || issuedAtMs === 'malformed') return 'claims'
  if (expiresAtMs !== undefined && nowMs >= expiresAtMs + rules.toleranceMs) return 'expired'
  if (Math.max(notBeforeMs ?? 0, issuedAtMs ?? 0) > nowMs + rules.toleranceMs) return 'not_yet_valid'
  if (!isForUs(payload['aud'], rules)) return 'audience'
  for (const claim of rules.requiredClaims) {
    if (!Object.hasOwn(payload, claim) || payload[claim] === null) return 'claims'
  }
  const confirmation = confirmationOf(payload['cnf'])
  if (confirmation === 'unknown') return 'sender_constrained'
  const scopes = scopesOf(payload, rules)
  const subject = textOf(payload['sub'])
  const clientId = textOf(payload['client_id'] ?? payload['azp'] ?? payload['cid'] ?? payload['appid'])
  const tokenId = textOf(payload['jti'])
  if (scopes === undefined || subject === false || clientId === false || tokenId === false) return 'claims'
  if (subject === undefined && clientId === undefined) return 'claims'
  if (!isFromKnownClient(clientId, rules)) return 'client'
  const claims = Object.freeze({
    issuer: rules.issuer,
    ...(subject === undefined ? {} : { subject }),
    ...(clientId === undefined ? {} : { clientId }),
    scopes: Object.freeze(scopes),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(issuedAtMs === undefined ? {} : { issuedAtMs }),
  })
  return {
    claims,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(confirmation === undefined ? {} : { confirmation }),
  }
}

/** ID tokens, logout tokens, security events and refresh tokens that are JWTs of the same issuer and keys, by what only they hold. */
const isOtherKind = (payload: Members): boolean => {
  for (const name of ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']) if (Object.hasOwn(payload, name)) return true
  const { typ, token_use: use } = payload as { typ?: unknown; token_use?: unknown }
  if (use !== undefined && use !== 'access') return true
  return typeof typ === 'string' && ['id', 'refresh', 'offline', 'logout'].includes(typ.toLowerCase())
}

/** A NumericDate (RFC 7519 section 2) in ms. */
const timeOf = (value: unknown): number | undefined | 'malformed' => {
  if (value === undefined) return undefined
  return typeof value === 'number' && value >= 0 && value <= 8.64e12 ? value * 1000 : 'malformed'
}

/** False for what is there and is no text that could be an identifier. */
const textOf = (value: unknown): string | undefined | false => {
  if (value === undefined) return undefined
  return (
    typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_CHARS && !unprintable.test(value) && value
  )
}
