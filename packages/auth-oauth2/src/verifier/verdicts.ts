import type { Answer } from '../issuer/issuer.ts'
import type { Confirmation } from '../token/confirmation.ts'
import type { Refusal, RefusalReason, VerifyResult } from '../types.ts'
import { resultFor } from './principal.ts'
import { createVerdictCache } from './verdict-cache.ts'
import type { VerifierSettings } from './verifier-options.ts'

/** What is known of a token. */
export interface Known {
  readonly result: VerifyResult
  /** Until when it holds by the wall clock and by the monotonic one. */
  readonly expiresAtMs: number
  readonly freshUntilMs: number
  /** Whether what it rests on still stands. */
  readonly stands?: () => boolean
  /** What a caller has to prove besides. */
  readonly confirmation?: Confirmation
}

const refusals = new Map<RefusalReason, Refusal>()

export const refused = (reason: RefusalReason): Refusal => {
  let refusal = refusals.get(reason)
  if (refusal === undefined) {
    refusal = Object.freeze({ ok: false, reason }) as Refusal
    refusals.set(reason, refusal)
  }
  return refusal
}

/** Verdicts by the digest of their token: refused ones apart, so that a flood of them pushes no good one out. */
export interface Verdicts {
  find(digest: string): Known | undefined
  /** Makes a verdict of what an issuer said, and keeps it if that makes sense. */
  settle(digest: string, answer: Answer, asked: { readonly introspected: boolean; readonly startedAtMs: number }): Known
}

export const createVerdicts = (settings: VerifierSettings): Verdicts => {
  const { clock, now, toleranceMs, implies } = settings
  const verified = createVerdictCache<Known>(settings.maxEntries)
  const rejected = createVerdictCache<Known>(settings.maxNegativeEntries)

  return {
    find(digest) {
      for (const cache of [verified, rejected]) {
        const known = cache.get(digest)
        if (known === undefined) continue
        const valid = clock() < known.expiresAtMs && now() < known.freshUntilMs && (known.stands?.() ?? true)
        if (valid) return known
        cache.delete(digest)
      }
      return undefined
    },
    settle(digest, answer, { introspected, startedAtMs }) {
      if (typeof answer === 'string') {
        const freshUntilMs = startedAtMs + settings.negativeMs
        const known: Known = { result: refused(answer), expiresAtMs: Number.POSITIVE_INFINITY, freshUntilMs }
        // What cost a question or a signature check. Other refusals of JWTs are cheap, and time and rotation can change them.
        if (introspected || answer === 'signature') rejected.set(digest, known)
        return known
      }
      const { expiresAtMs = Number.POSITIVE_INFINITY, stands, confirmation } = answer
      const known: Known = {
        result: resultFor(answer, clock(), toleranceMs, implies),
        // What the issuer said of a token ends with the token; a JWT's own time is read with the tolerance, as it was the first time.
        expiresAtMs: introspected ? expiresAtMs : expiresAtMs + toleranceMs,
        freshUntilMs: introspected ? startedAtMs + settings.maxAgeMs : Number.POSITIVE_INFINITY,
        ...(stands === undefined ? {} : { stands }),
        ...(confirmation === undefined ? {} : { confirmation }),
      }
      verified.set(digest, known)
      return known
    },
  }
}
