import { canonicalResourceUri } from '@portcullis/authz'
import {
  type Guard,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type Refusal,
  rpcCodes,
} from '@portcullis/guard'
import { fail, ok } from './responses.ts'
import type { Session } from './session.ts'

/** Sends the request on to the server. */
export type Forward = () => Promise<JsonRpcResponse | Refusal | undefined>

/** Who wants to hear of which resource. The server knows of one subscriber at most: us. */
export interface Subscriptions {
  /** `resources/subscribe` and `resources/unsubscribe`. */
  handle(session: Session, message: JsonRpcRequest, forward: Forward): Promise<JsonRpcResponse | Refusal | undefined>
  /** Hands an update to everybody who subscribed to the resource and may still read it. */
  deliver(uri: string, message: JsonRpcNotification): Promise<void>
  /** Takes a session's subscriptions away; calls `withdraw` for each resource that nobody is left for. */
  release(session: Session, withdraw: (uri: string) => void): void
}

const maxPerSession = 1000

export const createSubscriptions = (options: {
  readonly guard: Guard
  readonly sole: boolean
  readonly sessions: () => Iterable<Session>
  /** Whether somebody wants to hear of a resource in another way. */
  readonly wantedElsewhere: (uri: string) => boolean
}): Subscriptions => {
  const { guard, sole, sessions, wantedElsewhere } = options

  const wanted = (uri: string): boolean => {
    if (wantedElsewhere(uri)) return true
    for (const session of sessions()) if (session.subscriptions.has(uri)) return true
    return false
  }

  return {
    async handle(session, message, forward) {
      const uri = message.params?.['uri'] as string
      if (message.method === 'resources/unsubscribe') {
        session.subscriptions.delete(uri)
        return wanted(uri) ? ok(message.id) : forward()
      }
      // Updates go to the stream of a session: without one nobody would ever hear of them, and nobody could end them.
      if (session.id === undefined && !sole) {
        return fail(message.id, rpcCodes.invalidRequest, 'Subscriptions need a session: initialize first.')
      }
      if (session.subscriptions.size >= maxPerSession) {
        return fail(message.id, rpcCodes.invalidParams, `A session may hold ${maxPerSession} subscriptions.`)
      }
      const response = await forward()
      if (response !== undefined && !('ok' in response) && response.result !== undefined) session.subscriptions.add(uri)
      return response
    },
    async deliver(uri, message) {
      const canonical = canonicalResourceUri(uri)
      if (canonical === undefined) return
      for (const session of sessions()) {
        const { stream } = session
        if (stream === undefined || !session.subscriptions.has(canonical)) continue
        // Decided anew, on the listener's record of this moment.
        const principal = await stream.renew()
        if (principal?.id !== session.principalId) stream.close()
        else if (guard.mayReceive(principal, canonical)) stream.send(message)
      }
    },
    release(session, withdraw) {
      const uris = [...session.subscriptions]
      session.subscriptions.clear()
      for (const uri of uris) if (!wanted(uri)) withdraw(uri)
    },
  }
}
