import {
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
  rpcCodes,
} from '@portcullis/guard'
import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Outlet } from '../types.ts'
import { type Call, deliver, logLevels, type Session } from './session.ts'

/** What a hub must know of its surroundings to hand on what a server sends of its own accord. */
export interface InboundOptions {
  /** One client only (stdio): what cannot be attributed is for it. */
  readonly sole: boolean
  /** Every session that may receive what belongs to no request. */
  readonly sessions: () => Iterable<Session>
  /** Called when the server says that one of its lists changed. */
  readonly onListChanged: (message: JsonRpcNotification) => void
  /** Called when the server says that a resource changed. */
  readonly onUpdated: (uri: string, message: JsonRpcNotification) => void
  /** Called for each message that could not be attributed to a client and was dropped. */
  readonly onDropped: (message: JsonRpcMessage) => void
  /** Whether the server may ask clients for something. False for one of many: their request ids are not told apart. */
  readonly mayAsk: boolean
  /** The principal that owns a task. */
  readonly taskOwner: (taskId: unknown) => string | undefined
}

/** Requests and notifications of the server: each goes to the client that it belongs to, or to nobody. */
export interface Inbound {
  request(message: JsonRpcRequest, relatedRequestId: unknown): void
  notification(message: JsonRpcNotification, relatedRequestId: unknown): void
  /** Takes a client's answer to a request of the server; false when the server did not ask this session for it. */
  answer(session: Session, response: JsonRpcResponse): boolean
  /** Tells the server that a session which it asked will not answer. */
  release(session: Session): void
  /** Forgets everything: the server is gone. */
  clear(): void
}

const maxAskedPerSession = 100
const maxElicitations = 1000

/** The capability of the client that a request of the server needs. */
const neededFact = (method: string): 'sampling' | 'elicitation' | 'roots' | undefined => {
  if (method.startsWith('sampling/')) return 'sampling'
  if (method.startsWith('elicitation/')) return 'elicitation'
  return method.startsWith('roots/') ? 'roots' : undefined
}

export const createInbound = (
  calls: ReadonlyMap<number, Call>,
  working: AsyncLocalStorage<Call>,
  toServer: (message: JsonRpcMessage) => void,
  options: InboundOptions,
): Inbound => {
  /** Requests of the server that a client has not answered yet. */
  const asked = new Map<RequestId, Session>()
  /** URL elicitations under way, whose completion is announced by id alone. */
  const elicitations = new Map<string, Session>()

  const ask = (session: Session, id: RequestId): void => {
    asked.set(id, session)
    session.asked.add(id)
  }

  const forget = (session: Session, id: RequestId): void => {
    asked.delete(id)
    session.asked.delete(id)
  }

  /** The client that a message of the server belongs to. */
  const ownerOf = (relatedRequestId: unknown): { session: Session; outlet?: Outlet; logLevel?: number } | undefined => {
    const call = (typeof relatedRequestId === 'number' ? calls.get(relatedRequestId) : undefined) ?? working.getStore()
    if (call?.session !== undefined) {
      const quiet = call.logLevel === undefined ? {} : { logLevel: call.logLevel }
      // A handler that goes on after its response has no stream of its own any more.
      return calls.has(call.serverId) && call.outlet !== undefined
        ? { session: call.session, outlet: call.outlet, ...quiet }
        : { session: call.session, ...quiet }
    }
    if (!options.sole) return undefined
    const [session] = options.sessions()
    return session === undefined ? undefined : { session }
  }

  const request = (message: JsonRpcRequest, relatedRequestId: unknown): void => {
    const refuse = (code: number, text: string): void =>
      toServer({ jsonrpc: '2.0', id: message.id, error: { code, message: text } })
    if (message.method === 'ping') return toServer({ jsonrpc: '2.0', id: message.id, result: {} })
    const owner = ownerOf(relatedRequestId)
    const fact = neededFact(message.method)
    if (!options.mayAsk || owner === undefined || fact === undefined || !owner.session.facts[fact]) {
      options.onDropped(message)
      return refuse(rpcCodes.methodNotFound, 'The client that this request belongs to cannot answer it.')
    }
    const { session } = owner
    if (asked.has(message.id) || session.asked.size >= maxAskedPerSession) {
      return refuse(rpcCodes.invalidRequest, 'Too many requests to this client are waiting for an answer.')
    }
    ask(session, message.id)
    const elicitation = message.params?.['elicitationId']
    if (typeof elicitation === 'string') remember(elicitation, session)
    if (!deliver(session, message, owner.outlet)) {
      forget(session, message.id)
      refuse(rpcCodes.invalidRequest, 'The client that this request belongs to is not listening.')
    }
  }

  const remember = (elicitation: string, session: Session): void => {
    if (elicitations.size >= maxElicitations) {
      const oldest = elicitations.keys().next()
      if (!oldest.done) elicitations.delete(oldest.value)
    }
    elicitations.set(elicitation, session)
  }

  const notification = (message: JsonRpcNotification, relatedRequestId: unknown): void => {
    const params = message.params ?? {}
    switch (message.method) {
      case 'notifications/progress': {
        const token = params['progressToken']
        const call = typeof token === 'number' ? calls.get(token) : undefined
        if (call?.session === undefined || call.progressToken === undefined) return options.onDropped(message)
        const restored = { ...message, params: { ...params, progressToken: call.progressToken } }
        deliver(call.session, restored, call.outlet)
        return
      }
      case 'notifications/resources/updated':
        return typeof params['uri'] === 'string' ? options.onUpdated(params['uri'], message) : undefined
      case 'notifications/tools/list_changed':
      case 'notifications/prompts/list_changed':
      case 'notifications/resources/list_changed':
        return options.onListChanged(message)
      case 'notifications/cancelled': {
        const session = asked.get(params['requestId'] as RequestId)
        if (session === undefined) return options.onDropped(message)
        forget(session, params['requestId'] as RequestId)
        deliver(session, message, ownerOf(relatedRequestId)?.outlet)
        return
      }
      case 'notifications/elicitation/complete': {
        const session = elicitations.get(params['elicitationId'] as string)
        if (session === undefined) return options.onDropped(message)
        elicitations.delete(params['elicitationId'] as string)
        deliver(session, message)
        return
      }
      case 'notifications/tasks/status': {
        const owner = options.taskOwner(params['taskId'])
        if (owner === undefined) return options.onDropped(message)
        for (const session of options.sessions()) if (session.principalId === owner) session.stream?.send(message)
        return
      }
      default: {
        const owner = ownerOf(relatedRequestId)
        if (owner === undefined) return options.onDropped(message)
        const level = logLevels.indexOf(params['level'] as (typeof logLevels)[number])
        const wanted = owner.logLevel ?? owner.session.logLevel
        if (message.method === 'notifications/message' && wanted !== undefined && level < wanted) return
        deliver(owner.session, message, owner.outlet)
      }
    }
  }

  return {
    request,
    notification,
    answer(session, response) {
      const { id } = response
      if (id === null || asked.get(id) !== session) return false
      forget(session, id)
      toServer(response)
      return true
    },
    release(session) {
      for (const id of session.asked) {
        forget(session, id)
        toServer({ jsonrpc: '2.0', id, error: { code: rpcCodes.invalidRequest, message: 'The client is gone.' } })
      }
    },
    clear() {
      for (const [id, session] of asked) forget(session, id)
      elicitations.clear()
    },
  }
}
