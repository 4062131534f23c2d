import { hash } from 'node:crypto'
import { looksLikeJwt, MAX_TOKEN_CHARS, parseJwt } from '../token/compact.ts'
import { OAuth2Error } from '../errors.ts'
import { createHttp } from '../http/http.ts'
import { type Answer, createIssuer, type Issuer } from '../issuer/issuer.ts'
import { resultFor } from './principal.ts'
import { createQuestions } from './questions.ts'
import type {
  Refusal,
  RefusalReason,
  TokenVerifier,
  TokenVerifierOptions,
  VerifyContext,
  VerifyResult,
} from '../types.ts'
import { createVerdictCache } from './verdict-cache.ts'
import { readVerifierOptions } from './verifier-options.ts'

/** Tokens that are being verified at once. */
const MAX_IN_FLIGHT = 10_000

const refusals = new Map<RefusalReason, Refusal>()
const refused = (reason: RefusalReason): Refusal => {
  let refusal = refusals.get(reason)
  if (refusal === undefined) {
    refusal = Object.freeze({ ok: false, reason }) as Refusal
    refusals.set(reason, refusal)
  }
  return refusal
}

/** A caller may come without types, and a context that is odd must not let it in or out. */
const addressOf = (context: unknown): string | undefined => {
  const address = (context as VerifyContext | null | undefined)?.address
  return typeof address === 'string' ? address : undefined
}

/** Characters of a bearer token (RFC 6750 section 2.1). */
const bearerText = /^[A-Za-z0-9\-._~+/]+=*$/

/**
 * Verifies OAuth 2.0 access tokens as a resource server does: JWTs by their issuer's keys (RFC 7519, 8725, 9068), others by introspection (RFC 7662).
 * Not verified: proof of possession (tokens with `cnf` are refused), and revocation of JWTs before they expire.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const createTokenVerifier = (options: TokenVerifierOptions): TokenVerifier => {
  const settings = readVerifierOptions(options)
  const { clock, now, toleranceMs, implies } = settings
  const http = createHttp(settings.fetch)
  const issuers = new Map<string, Issuer>()
  for (const one of settings.issuers) issuers.set(one.issuer, createIssuer(one, settings, http))
  const asked = [...issuers.values()]
    .filter((issuer) => issuer.introspect !== undefined)
    .sort((a, b) => (b.settings.tokenPrefix ?? '').length - (a.settings.tokenPrefix ?? '').length)

  const verified = createVerdictCache<VerifyResult>(settings.maxEntries)
  const rejected = createVerdictCache<VerifyResult>(settings.maxNegativeEntries)
  const questions = createQuestions()
  const inFlight = new Map<string, Promise<VerifyResult>>()

  const remember = (digest: string, answer: Answer, introspected: boolean, startedAtMs: number): VerifyResult => {
    if (typeof answer === 'string') {
      const result = refused(answer)
      // What cost a question or a signature check. Other refusals of JWTs are cheap, and time and rotation can change them.
      if (introspected || answer === 'signature') {
        const freshUntilMs = startedAtMs + settings.negativeMs
        rejected.set(digest, { result, expiresAtMs: Number.POSITIVE_INFINITY, freshUntilMs })
      }
      return result
    }
    const result = resultFor(answer, clock(), toleranceMs, implies)
    const { expiresAtMs = Number.POSITIVE_INFINITY, stands } = answer
    verified.set(digest, {
      result,
      // What the issuer said of a token ends with the token; a JWT's own time is read with the tolerance, as it was the first time.
      expiresAtMs: introspected ? expiresAtMs : expiresAtMs + toleranceMs,
      freshUntilMs: introspected ? startedAtMs + settings.maxAgeMs : Number.POSITIVE_INFINITY,
      ...(stands === undefined ? {} : { stands }),
    })
    return result
  }

  const start = (
    digest: string,
    ask: () => Promise<Answer>,
    introspected: boolean,
  ): VerifyResult | Promise<VerifyResult> => {
    if (inFlight.size >= MAX_IN_FLIGHT) {
      const message = `${inFlight.size} tokens are being verified`
      return Promise.reject(new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', message, { retryAfterMs: 1000 }))
    }
    const startedAtMs = now()
    const flight = ask()
      .then((answer) => remember(digest, answer, introspected, startedAtMs))
      .finally(() => inFlight.delete(digest))
    inFlight.set(digest, flight)
    return flight
  }

  const question = (
    digest: string,
    address: string | undefined,
    ask: () => Promise<Answer>,
  ): VerifyResult | Promise<VerifyResult> => start(digest, () => questions.run(address, ask), true)

  const judge = (token: string, digest: string, address: string | undefined): VerifyResult | Promise<VerifyResult> => {
    if (looksLikeJwt(token)) {
      const jwt = parseJwt(token)
      if (typeof jwt === 'string') return refused(jwt)
      const { iss } = jwt.payload
      // Only issuers that were configured are ever asked for anything.
      const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined
      if (issuer === undefined) return refused('issuer')
      const { introspect } = issuer
      if (issuer.settings.mode !== 'introspection') return start(digest, () => issuer.verifyJwt(token, jwt), false)
      return introspect === undefined ? refused('unsupported') : question(digest, address, () => introspect(token))
    }
    if (!bearerText.test(token)) return refused('malformed')
    const introspect = asked.find(({ settings: { tokenPrefix = '' } }) => token.startsWith(tokenPrefix))?.introspect
    return introspect === undefined ? refused('unsupported') : question(digest, address, () => introspect(token))
  }

  return {
    issuers: Object.freeze([...issuers.keys()]),
    verify(token, context) {
      if (typeof token !== 'string' || token === '' || token.length > MAX_TOKEN_CHARS) return refused('malformed')
      const digest = hash('sha256', token, 'base64url')
      for (const cache of [verified, rejected]) {
        const verdict = cache.get(digest)
        if (verdict === undefined) continue
        const valid = clock() < verdict.expiresAtMs && now() < verdict.freshUntilMs && (verdict.stands?.() ?? true)
        if (valid) return verdict.result
        cache.delete(digest)
      }
      return inFlight.get(digest) ?? judge(token, digest, addressOf(context))
    },
    prepare: async () => {
      await Promise.all([...issuers.values()].map((issuer) => issuer.prepare()))
    },
    close: http.close,
  }
}
