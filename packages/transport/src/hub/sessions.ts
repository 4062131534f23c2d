import type { Principal } from '@portcullis/authz'
import type { Revision } from '@portcullis/guard'
import type { Sealer } from '../sealer.ts'
import { type ClientFacts, createSession, type Session } from './session.ts'

/**
 * The sessions of 2025-era clients. An id is sealed over the revision, what the client can do and its expiry, with the
 * principal as associated data: any replica takes it, nobody else can use it, and no memory is needed to know it.
 */
export interface Sessions {
  /** Opens a session and returns its id. */
  start(principal: Principal, facts: ClientFacts): Session & { readonly id: string }
  /** The session of an id; `undefined` for another principal's, an ended, an expired or an invented one. */
  find(principal: Principal, id: string): Session | undefined
  /** Ends a session; its id is refused from now on. */
  end(session: Session): void
  /** The sessions that hold state here. */
  live(): Iterable<Session>
  closeStreams(): void
}

export interface SessionsOptions {
  readonly sealer: Sealer
  /** How long an id is good for. Default 24 hours. */
  readonly lifetimeMs?: number
  /** Sessions held in memory in all, and for one principal; the owner's oldest makes room. Defaults 10,000 and 500. */
  readonly maxLive?: number
  readonly maxLivePerPrincipal?: number
  readonly clock?: () => number
  /** Called before a session is forgotten. */
  readonly onForget?: (session: Session) => void
}

const maxEnded = 50_000
const flags = ['sampling', 'elicitation', 'roots'] as const

/** `<revision> <expiry in base 36> <one letter for each thing the client can do>` */
const encode = (facts: ClientFacts, expiresAtMs: number): string =>
  `${facts.revision} ${expiresAtMs.toString(36)} ${flags.map((flag) => (facts[flag] ? flag[0] : '-')).join('')}`

const decode = (content: string): { facts: ClientFacts; expiresAtMs: number } => {
  const [revision, expiry, letters] = content.split(' ') as [Revision, string, string]
  const [sampling, elicitation, roots] = flags.map((_, index) => letters[index] !== '-') as [boolean, boolean, boolean]
  return { facts: { revision, sampling, elicitation, roots }, expiresAtMs: Number.parseInt(expiry, 36) }
}

export const createSessions = (options: SessionsOptions): Sessions => {
  const { sealer, lifetimeMs = 86_400_000, maxLive = 10_000, maxLivePerPrincipal = 500 } = options
  const clock = options.clock ?? Date.now
  const live = new Map<string, { session: Session; expiresAtMs: number }>()
  const byPrincipal = new Map<string, Set<string>>()
  /** Ended ids until they would have expired anyway. Oldest first, since all live equally long. */
  const ended = new Map<string, number>()

  const forget = (id: string): void => {
    const entry = live.get(id)
    if (entry === undefined) return
    live.delete(id)
    const ids = byPrincipal.get(entry.session.principalId)
    ids?.delete(id)
    if (ids?.size === 0) byPrincipal.delete(entry.session.principalId)
    options.onForget?.(entry.session)
    entry.session.stream?.close()
  }

  const idle = (entry: { session: Session } | undefined): boolean =>
    entry !== undefined &&
    entry.session.stream === undefined &&
    entry.session.calls.size === 0 &&
    entry.session.subscriptions.size === 0

  const makeRoom = (principalId: string): void => {
    const ids = byPrincipal.get(principalId)
    if (ids !== undefined && ids.size >= maxLivePerPrincipal) {
      const [oldest] = ids
      const spare = [...ids].find((id) => idle(live.get(id))) ?? oldest
      if (spare !== undefined) forget(spare)
    }
    if (live.size < maxLive) return
    let looked = 0
    for (const [id, entry] of live) {
      // An idle session is rebuilt from its id when it comes back: forgetting one costs its log level, nothing else.
      if (idle(entry) || ++looked >= 100) return forget(id)
    }
  }

  const keep = (id: string, session: Session, expiresAtMs: number): Session => {
    makeRoom(session.principalId)
    live.set(id, { session, expiresAtMs })
    const ids = byPrincipal.get(session.principalId) ?? new Set()
    ids.add(id)
    byPrincipal.set(session.principalId, ids)
    return session
  }

  return {
    start(principal, facts) {
      const expiresAtMs = clock() + lifetimeMs
      const id = sealer.seal(principal.id, encode(facts, expiresAtMs))
      return keep(id, createSession(principal.id, facts, id), expiresAtMs) as Session & { readonly id: string }
    },
    find(principal, id) {
      const entry = live.get(id)
      if (entry !== undefined) {
        if (entry.session.principalId !== principal.id) return undefined
        if (entry.expiresAtMs > clock()) return entry.session
        forget(id)
        return undefined
      }
      if (ended.has(id)) return undefined
      const content = sealer.open(principal.id, id)
      if (content === undefined) return undefined
      const { facts, expiresAtMs } = decode(content)
      return expiresAtMs > clock() ? keep(id, createSession(principal.id, facts, id), expiresAtMs) : undefined
    },
    end({ id }) {
      if (id === undefined) return
      const now = clock()
      for (const [old, untilMs] of ended) {
        if (untilMs > now && ended.size < maxEnded) break
        ended.delete(old)
      }
      ended.set(id, now + lifetimeMs)
      forget(id)
    },
    *live() {
      for (const { session } of live.values()) yield session
    },
    closeStreams() {
      for (const { session } of live.values()) session.stream?.close()
    },
  }
}
