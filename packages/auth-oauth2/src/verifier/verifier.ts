import { hash } from 'node:crypto'
import { OAuth2Error } from '../errors.ts'
import { createHttp } from '../http/http.ts'
import { type Answer, asksOnly, createIssuer, type Issuer } from '../issuer/issuer.ts'
import { createPossession } from '../proof/possession.ts'
import { looksLikeJwt, MAX_TOKEN_CHARS, parseJwt } from '../token/compact.ts'
import type { RefusalReason, TokenVerifier, TokenVerifierOptions, VerifyContext, VerifyResult } from '../types.ts'
import { createFailureBudget } from './failure-budget.ts'
import { createQuestions } from './questions.ts'
import { type Known, createVerdicts, refused } from './verdicts.ts'
import { readVerifierOptions } from './verifier-options.ts'

/** Tokens that are being verified at once. */
const MAX_IN_FLIGHT = 10_000

/** Characters of a bearer token (RFC 6750 section 2.1). */
const bearerText = /^[A-Za-z0-9\-._~+/]+=*$/

/**
 * Verifies OAuth 2.0 access tokens as a resource server does: JWTs by their issuer's keys (RFC 7519, 8725, 9068), others by introspection (RFC 7662),
 * those bound to a key or certificate by proof of it (RFC 9449, 8705). Not verified: revocation of JWTs before they expire, unless `revocations` knows.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const createTokenVerifier = (options: TokenVerifierOptions): TokenVerifier => {
  const settings = readVerifierOptions(options)
  const { clock, now, toleranceMs, revocations } = settings
  const http = createHttp(settings.fetch)
  const issuers = new Map<string, Issuer>()
  for (const one of settings.issuers) issuers.set(one.issuer, createIssuer(one, settings, http))
  const asked = [...issuers.values()]
    .filter((issuer) => issuer.introspect !== undefined)
    .sort((a, b) => (b.settings.tokenPrefix ?? '').length - (a.settings.tokenPrefix ?? '').length)

  const verdicts = createVerdicts(settings)
  const questions = createQuestions()
  const budget = createFailureBudget(settings.failures.burst, settings.failures.perSecond, now)
  const possession = createPossession(settings.dpop, toleranceMs, clock)
  const inFlight = new Map<string, Promise<Known>>()

  const start = (
    digest: string,
    address: string | undefined,
    introspected: boolean,
    ask: () => Promise<Answer>,
  ): Promise<Known> => {
    if (inFlight.size >= MAX_IN_FLIGHT) {
      const message = `${inFlight.size} tokens are being verified`
      throw new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', message, { retryAfterMs: 1000 })
    }
    budget.admit(address)
    const startedAtMs = now()
    const flight = ask()
      .then((answer) => {
        if (answer === 'signature' || (introspected && typeof answer === 'string')) budget.failed(address)
        return verdicts.settle(digest, answer, { introspected, startedAtMs })
      })
      .finally(() => inFlight.delete(digest))
    inFlight.set(digest, flight)
    return flight
  }

  /** Whom the token is shown to; the answer is a reason where that is nobody. */
  const judge = (token: string, digest: string, address: string | undefined): RefusalReason | Promise<Known> => {
    const question = ({ introspect }: Issuer, bound = false): RefusalReason | Promise<Known> => {
      if (introspect === undefined) return 'unsupported'
      return start(digest, address, true, async () => {
        const answer = await questions.run(address, () => introspect(token))
        // A token that says itself that it is bound is no bearer token because its issuer forgot to say so (RFC 9449 section 6.2).
        const forgotten = bound && typeof answer !== 'string' && answer.confirmation === undefined
        return forgotten ? 'sender_constrained' : answer
      })
    }
    if (looksLikeJwt(token)) {
      const jwt = parseJwt(token)
      if (typeof jwt === 'string') return jwt
      const { iss } = jwt.payload
      // Only issuers that were configured are ever asked for anything.
      const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined
      if (issuer === undefined) return 'issuer'
      if (asksOnly(issuer.settings.mode)) return question(issuer, Object.hasOwn(jwt.payload, 'cnf'))
      return start(digest, address, false, () => issuer.verifyJwt(token, jwt, () => budget.failed(address)))
    }
    if (!bearerText.test(token)) return 'malformed'
    const issuer = asked.find(({ settings: { tokenPrefix = '' } }) => token.startsWith(tokenPrefix))
    return issuer === undefined ? 'unsupported' : question(issuer)
  }

  /** The result for this caller: the token may be good and not be theirs, or have been taken back. */
  const admit = (known: Known, token: string, context: VerifyContext): VerifyResult | Promise<VerifyResult> => {
    const { result, confirmation } = known
    if (!result.ok) return result
    // Anything but a plain no: a promise, say, which nobody waits for.
    if (revocations !== undefined && revocations.covers(result.principal.claims) !== false) return refused('revoked')
    const problem = possession.prove(token, confirmation, context)
    if (problem === undefined) return result
    if (typeof problem === 'string') return refused(problem)
    return problem.then((reason) => (reason === undefined ? result : refused(reason)))
  }

  return {
    issuers: Object.freeze([...issuers.keys()]),
    verify(token, given) {
      if (typeof token !== 'string' || token === '' || token.length > MAX_TOKEN_CHARS) return refused('malformed')
      // A caller may come without types, and a context that is odd must not let it in or out.
      const context = (given ?? {}) as VerifyContext
      const address = typeof context.address === 'string' ? context.address : undefined
      const digest = hash('sha256', token, 'base64url')
      const known = verdicts.find(digest)
      try {
        if (known !== undefined) return admit(known, token, context)
        const judged = inFlight.get(digest) ?? judge(token, digest, address)
        return typeof judged === 'string' ? refused(judged) : judged.then((one) => admit(one, token, context))
      } catch (error) {
        return Promise.reject(error)
      }
    },
    dpopNonce: () => settings.dpop.nonces?.current(),
    prepare: async () => {
      await Promise.all([...issuers.values()].map((issuer) => issuer.prepare()))
    },
    close: http.close,
  }
}
