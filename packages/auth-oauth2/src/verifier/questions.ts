import { OAuth2Error } from '../errors.ts'
import { MAX_SOCKETS } from '../http/node-http.ts'

const MAX_QUESTIONS = 1000
/** Never more than half of the connections to an authorization server. */
const MAX_PER_CALLER = Math.min(8, MAX_SOCKETS / 2)
const RETRY_AFTER_MS = 250

/** Counts the introspections under way, so that one caller with made-up tokens leaves room for the others. */
export interface Questions {
  /** Runs `ask`; rejects with `ERR_OAUTH2_UNAVAILABLE` without running it while 1000 are under way, or 8 of this address (IPv6: of its /64). */
  run<T>(address: string | undefined, ask: () => Promise<T>): Promise<T>
  /** Callers with a question under way. */
  readonly callers: number
}

export const createQuestions = (): Questions => {
  const perCaller = new Map<string, number>()
  let all = 0

  return {
    async run(address, ask) {
      const caller = address === undefined ? undefined : callerOf(address)
      if (all >= MAX_QUESTIONS) throw busy(`${all} tokens are being asked about`, 1000)
      const own = caller === undefined ? 0 : (perCaller.get(caller) ?? 0)
      if (own >= MAX_PER_CALLER) throw busy(`${own} tokens of one address are being asked about`, RETRY_AFTER_MS)
      all++
      if (caller !== undefined) perCaller.set(caller, own + 1)
      try {
        return await ask()
      } finally {
        all--
        if (caller !== undefined) {
          const left = (perCaller.get(caller) ?? 1) - 1
          // As many entries as questions at most.
          if (left === 0) perCaller.delete(caller)
          else perCaller.set(caller, left)
        }
      }
    },
    get callers() {
      return perCaller.size
    },
  }
}

const busy = (message: string, retryAfterMs: number): OAuth2Error =>
  new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', message, { retryAfterMs })

/** An IPv6 host has a /64 of addresses to itself. Anything else is one caller as it stands. */
export const callerOf = (address: string): string => {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = '', tail] = address.split('::', 2)
  const groups = head.split(':')
  if (tail !== undefined) {
    const last = tail.split(':')
    while (groups.length + last.length < 8) groups.push('0')
    groups.push(...last)
  }
  return groups.slice(0, 4).join(':')
}
