import { hash } from 'node:crypto'
import type { Confirmation } from '../token/confirmation.ts'
import type { RefusalReason, VerifyContext } from '../types.ts'
import { createProofVerifier } from './dpop-proof.ts'
import type { Nonces } from './nonce.ts'
import type { ReplayStore } from './replay.ts'

export interface DpopSettings {
  readonly mode: 'off' | 'allow' | 'require'
  readonly algorithms: readonly string[]
  readonly maxAgeMs: number
  readonly replay: ReplayStore
  /** Absent where proofs need no nonce. */
  readonly nonces?: Nonces
}

const MARGIN_MS = 1000

/** Whether who shows a token has what it is bound to. */
export interface Possession {
  /** The reason of a refusal, or undefined where the caller may use the token. */
  prove(
    token: string,
    confirmation: Confirmation | undefined,
    context: VerifyContext,
  ): RefusalReason | undefined | Promise<RefusalReason | undefined>
}

export const createPossession = (settings: DpopSettings, toleranceMs: number, clock: () => number): Possession => {
  const { mode, algorithms, maxAgeMs, replay, nonces } = settings
  const proofs = createProofVerifier({ algorithms, maxAgeMs, toleranceMs })

  const proveKey = async (token: string, jkt: string, context: VerifyContext): Promise<RefusalReason | undefined> => {
    const { dpop } = context
    if (typeof dpop?.proof !== 'string' || typeof dpop.method !== 'string' || typeof dpop.url !== 'string')
      return 'proof'
    const target = { method: dpop.method, url: dpop.url, accessToken: token, jkt }
    const proof = await proofs.verify(dpop.proof, target, clock())
    if (proof === undefined) return 'proof'
    // Before it is used up: the client sends the same `jti` never again, but learns the nonce from this answer.
    if (nonces !== undefined && !nonces.accepts(proof.nonce)) return 'proof_nonce'
    // Remembered for longer than it is taken, by clocks that may differ; and looked at again, because checking it took time.
    const rememberedUntilMs = proof.expiresAtMs + 2 * toleranceMs + MARGIN_MS
    const first = await replay.claim({ owner: jkt, id: proof.id, expiresAtMs: rememberedUntilMs })
    if (!first) return 'proof_replayed'
    return clock() < proof.expiresAtMs ? undefined : 'proof'
  }

  return {
    prove(token, confirmation, context) {
      const byProof = context.scheme === 'dpop'
      const { jkt, x5t } = confirmation ?? {}
      // RFC 9449 section 7.1: who strips the binding off must not get in, nor who claims one that is not there.
      if ((jkt !== undefined) !== byProof) return jkt === undefined ? 'proof' : 'sender_constrained'
      if (jkt === undefined && mode === 'require') return 'sender_constrained'
      if (jkt !== undefined && mode === 'off') return 'sender_constrained'
      if (x5t !== undefined && !hasCertificate(context, x5t)) return 'certificate'
      return jkt === undefined || context.proven === true ? undefined : proveKey(token, jkt, context)
    },
  }
}

/** RFC 8705 section 3: the SHA-256 of the certificate in DER. */
const hasCertificate = ({ clientCertificate }: VerifyContext, x5t: string): boolean =>
  clientCertificate instanceof Uint8Array && hash('sha256', clientCertificate, 'base64url') === x5t
