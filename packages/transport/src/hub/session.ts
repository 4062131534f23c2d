import type { JsonRpcMessage, JsonRpcResponse, RequestId, Revision } from '@portcullis/guard'
import type { Principal } from '@portcullis/authz'
import type { Outlet } from '../types.ts'
import { createHash } from 'node:crypto'

/** What a client said it can do for a server, as far as a server can ask for it. */
export interface ClientFacts {
  readonly revision: Revision
  readonly sampling: boolean
  readonly elicitation: boolean
  readonly roots: boolean
}

/** The outlet for messages that belong to no request, and who is listening there now. */
export interface Stream extends Outlet {
  /** The listener's principal as it stands at this moment; `undefined` when the credential no longer holds. */
  renew(): Promise<Principal | undefined>
  close(): void
}

/** One request under way at the server. */
export interface Call {
  /** The id that the server sees. */
  readonly serverId: number
  /** The id that the client chose; `undefined` for requests that the hub itself makes. */
  readonly clientId?: RequestId
  readonly session?: Session
  readonly outlet?: Outlet
  /** The least severe level of log messages that this request wants, where requests say so themselves. */
  readonly logLevel?: number
  /** What the client wants its progress reported under. */
  readonly progressToken?: RequestId
  /** Ends the call: with the server's response, or without one when it was cancelled. */
  readonly settle: (response: JsonRpcResponse | undefined) => void
}

/** A request of a session that is under way, in the hands of whoever can end it. */
export interface UnderWay {
  /** Ends it, and tells the server. */
  cancel(reason?: unknown): void
  /** Forgets it: its answer cannot be taken any more, the server goes on with it. */
  abandon(): void
}

/** Everything that one (principal, session) owns. A stateless request has a session of its own that ends with it. */
export interface Session {
  /** Absent for stateless requests. */
  readonly id?: string
  /** A short digest of the id, which may stand in logs. */
  readonly tag?: string
  readonly principalId: string
  facts: ClientFacts
  /** Requests under way, by the client's own ids. */
  readonly calls: Map<RequestId, UnderWay>
  /** Requests that the guard is still deciding on, by the client's own ids. */
  readonly deciding: Map<RequestId, { cancelled: boolean }>
  /** Canonical URIs of subscribed resources. */
  readonly subscriptions: Set<string>
  /** Requests that the server made of this client and that it has not answered. */
  readonly asked: Set<RequestId>
  /** The least severe level of log messages that are wanted. */
  logLevel?: number
  stream?: Stream
}

export const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const

export const noFacts = (revision: Revision): ClientFacts => ({
  revision,
  sampling: false,
  elicitation: false,
  roots: false,
})

export const createSession = (principalId: string, facts: ClientFacts, id?: string): Session => ({
  ...(id === undefined ? {} : { id, tag: createHash('sha256').update(id).digest('base64url').slice(0, 12) }),
  principalId,
  facts,
  calls: new Map(),
  deciding: new Map(),
  subscriptions: new Set(),
  asked: new Set(),
})

/** Sends where this session listens: the request's own stream first, else the standalone one. */
export const deliver = (session: Session, message: JsonRpcMessage, preferred?: Outlet): boolean =>
  preferred?.send(message) === true || session.stream?.send(message) === true
