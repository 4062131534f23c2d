import { OAuth2Error } from '../errors.ts'
import { callerOf } from './questions.ts'

const MAX_CALLERS = 10_000

/**
 * What callers may cost: each token that turns out bad after a signature check or a question is a debt of its address that shrinks with time. An address in
 * debt beyond `burst` has its new tokens put off, unseen, so that made-up tokens cost their sender more than this process.
 */
export interface FailureBudget {
  /** Throws OAuth2Error `ERR_OAUTH2_UNAVAILABLE` for a caller whose new tokens are not looked at now. */
  admit(address: string | undefined): void
  failed(address: string | undefined): void
  readonly callers: number
}

interface Debt {
  readonly amount: number
  readonly atMs: number
}

/** `now`: monotonic milliseconds. */
export const createFailureBudget = (burst: number, perSecond: number, now: () => number): FailureBudget => {
  const debts = new Map<string, Debt>()

  const owed = (caller: string): number => {
    const debt = debts.get(caller)
    return debt === undefined ? 0 : Math.max(0, debt.amount - ((now() - debt.atMs) * perSecond) / 1000)
  }

  /** Forgets the debt that is the oldest. */
  const makeRoom = (): void => {
    if (debts.size >= MAX_CALLERS) debts.delete(debts.keys().next().value as string)
  }

  return {
    admit(address) {
      if (address === undefined) return
      const beyond = owed(callerOf(address)) - burst
      if (beyond <= -1) return
      const retryAfterMs = Math.ceil(((beyond + 1) / perSecond) * 1000)
      throw new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', 'too many tokens of one address were bad', { retryAfterMs })
    },
    failed(address) {
      if (address === undefined) return
      const caller = callerOf(address)
      const amount = owed(caller) + 1
      debts.delete(caller)
      makeRoom()
      debts.set(caller, { amount, atMs: now() })
    },
    get callers() {
      return debts.size
    },
  }
}
