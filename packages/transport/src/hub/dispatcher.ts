import {
  countedAs,
  type Exchange,
  type Guard,
  type GuardLog,
  isStateless,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  methodIn,
  notificationMethods,
  type Pass,
  refuse,
  type Refusal,
  rpcCodes,
  unavailable,
} from '@portcullis/guard'
import type { Principal } from '@portcullis/authz'
import { createSealer } from '../sealer.ts'
import type { Gateway, McpEndpoint, Reply } from '../types.ts'
import { attended } from './attended.ts'
import { createCursors } from './cursors.ts'
import type { Handshake } from './handshake.ts'
import { createInFlight } from './in-flight.ts'
import { createLifecycle } from './lifecycle.ts'
import { createListeners } from './listeners.ts'
import { createRequestStates } from './request-state.ts'
import { fail, ok } from './responses.ts'
import { createRoutes, serverOf } from './routes.ts'
import type { Session } from './session.ts'
import { createSubscriptions } from './subscriptions.ts'
import { createdTask, createTaskOwners } from './tasks.ts'

/** The answer to a request, and the limit it was counted against. `response` is absent for a cancelled request. */
export interface Answer {
  readonly ok: true
  readonly response: JsonRpcResponse | undefined
  readonly pass: Pass
}

/** Takes messages of clients whose callers are known, through the guard, to the server and back. */
export interface Dispatcher {
  /** The handshake of the server behind; connects it first when it is not. */
  ready(): Promise<Handshake>
  request(session: Session, exchange: Exchange, message: JsonRpcRequest, reply: Reply): Promise<Answer | Refusal>
  notification(session: Session, exchange: Exchange, message: JsonRpcNotification): void
  response(session: Session, exchange: Exchange, message: JsonRpcResponse): void
  /** The client that asked is gone, and with it the answer. */
  leave(session: Session, id: JsonRpcRequest['id']): void
  /** Gives back what a session held at the server. */
  release(session: Session): void
  /** Ends what is listened to. */
  closeListeners(): void
  close(): Promise<void>
}

export interface DispatcherOptions {
  readonly guard: Guard
  /** Seal cursors and request states; 32 bytes each. */
  readonly masterKeys: readonly Uint8Array[]
  readonly sole: boolean
  readonly handshakeTimeoutMs?: number
  readonly sessions: () => Iterable<Session>
  /** Requests under way in all, and of one principal. Beyond: 503. Defaults 4,096 and 512. */
  readonly maxInFlight?: number
  readonly maxInFlightPerPrincipal?: number
  readonly log?: GuardLog
}

const maxStateLength = 1_048_576

/** Who has places of its own. Anonymous callers are many: one of them must not use up what all of them have. */
const callerOf = ({ principal, address = '' }: Exchange): string =>
  principal.method === 'anonymous' ? `anonymous ${address}` : countedAs(principal)

export const createDispatcher = (behind: McpEndpoint | Gateway, options: DispatcherOptions): Dispatcher => {
  const { guard, sole, masterKeys } = options
  const log = options.log ?? (() => {})
  const tasks = createTaskOwners()
  const cursors = createCursors(createSealer(masterKeys, 'cursor'))
  const requestStates = createRequestStates(createSealer(masterKeys, 'request-state', maxStateLength))
  const inFlight = createInFlight(options.maxInFlight ?? 4096, options.maxInFlightPerPrincipal ?? 512)

  const routes = createRoutes(behind, {
    sole,
    log,
    sessions: options.sessions,
    onListChanged(message) {
      for (const session of options.sessions()) session.stream?.send(message)
      listeners.listChanged(message)
    },
    onUpdated(uri, message) {
      const fault = (error: unknown): void => log('error', 'delivery.fault', { error })
      subscriptions.deliver(uri, message).catch(fault)
      listeners.updated(uri, message).catch(fault)
    },
    onDropped: (message) => guard.tally(`dropped:${'method' in message ? message.method : 'response'}`, {}),
    taskOwner: tasks.ownerOf,
    ...(options.handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs: options.handshakeTimeoutMs }),
  })
  const { sessionEra } = routes.local
  const listeners = createListeners({ guard, watch: routes.watch, unwatch: routes.unwatch })
  const subscriptions = createSubscriptions({ ...options, wantedElsewhere: listeners.wants })

  const lifecycle = createLifecycle({ guard, routes, sole })

  /** A task belongs to the principal that created it: for everybody else it does not exist. */
  const foreignTask = (principal: Principal, { id }: JsonRpcRequest): JsonRpcResponse => {
    guard.tally('foreign_task', { principal: principal.id })
    return fail(id, rpcCodes.invalidParams, 'Task not found')
  }

  /** The server's answer to a request that may run; a refusal for what only now turns out to be none. */
  const run = async (
    session: Session,
    exchange: Exchange,
    message: JsonRpcRequest,
    pass: Pass,
    reply: Reply,
  ): Promise<JsonRpcResponse | Refusal | undefined> => {
    const { principal } = exchange
    const onward = () => routes.forward(session, exchange, message, pass, reply)
    if (tasks.isForeign(message.params, principal.id)) return foreignTask(principal, message)
    switch (message.method) {
      case 'initialize':
        return lifecycle.initialize(session, message)
      case 'server/discover':
        return lifecycle.discover(session, message)
      case 'ping':
        return ok(message.id)
      case 'logging/setLevel':
        return lifecycle.setLevel(session, message)
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return subscriptions.handle(session, message, onward)
      case 'subscriptions/listen':
        return listeners.listen(principal, callerOf(exchange), session, message, reply, await routes.ready(session))
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/cancel':
        if (!tasks.isOwner(message.params?.['taskId'], principal.id)) return foreignTask(principal, message)
        return onward()
      case 'tasks/list': {
        const response = await onward()
        return response === undefined || 'ok' in response ? response : tasks.filter(response, principal.id)
      }
      default: {
        const response = await onward()
        if (response === undefined || 'ok' in response) return response
        const taskId = createdTask(response.result)
        // Only the local server's tasks can be asked for: an id that an upstream invents must not be taken for one of them.
        if (taskId !== undefined && serverOf(pass) === 'local') tasks.own(taskId, principal.id)
        return response
      }
    }
  }

  /** Handles that clients carry for the server, opened; or which of them is not one that this caller was given. */
  const opened = (principal: Principal, message: JsonRpcRequest, listed: boolean): JsonRpcRequest | string => {
    const paged = listed ? cursors.open(principal, message) : message
    if (paged === undefined) return 'params.cursor was not given out for this list.'
    return (
      requestStates.open(principal, paged) ?? 'params.requestState was not given out for this request, or is too old.'
    )
  }

  /** A request may be cancelled while the guard still decides on it: then it never reaches the server. */
  const cancel = (session: Session, exchange: Exchange, params: Readonly<Record<string, unknown>>): void => {
    const { requestId, reason } = params
    const deciding = session.deciding.get(requestId as string | number)
    const underWay = session.calls.get(requestId as string | number)
    if (deciding !== undefined) deciding.cancelled = true
    else if (underWay !== undefined) underWay.cancel(reason)
    else guard.tally('foreign_id:cancelled', { principal: exchange.principal.id })
  }

  return {
    ready: () => sessionEra.ready(),
    async request(session, exchange, message, reply) {
      const { principal } = exchange
      if (session.deciding.has(message.id) || session.calls.has(message.id)) {
        return refuse(400, 'PORTCULLIS_BAD_REQUEST', 'A request with this id is still under way.', {
          rpcCode: rpcCodes.invalidRequest,
          reason: 'duplicate_id',
        })
      }
      const caller = callerOf(exchange)
      if (!inFlight.enter(caller)) {
        return refuse(503, 'PORTCULLIS_OVERLOADED', 'Too many requests are under way. Try again in 1 s.', {
          retryAfterMs: 1000,
          reason: 'in_flight',
        })
      }
      const deciding = { cancelled: false }
      session.deciding.set(message.id, deciding)
      try {
        const verdict = await guard.check(exchange, message)
        if (!verdict.ok) return verdict
        const listed = verdict.method.items !== undefined
        const forwarded = opened(principal, verdict.message, listed)
        let response: JsonRpcResponse | undefined
        if (typeof forwarded === 'string') {
          response = fail(message.id, rpcCodes.invalidParams, forwarded)
        } else if (!deciding.cancelled) {
          session.deciding.delete(message.id)
          try {
            const answer = await attended(session, message.id, reply, (own) =>
              run(session, exchange, forwarded, verdict, own),
            )
            if (answer !== undefined && 'ok' in answer) {
              guard.note({ type: 'outcome', call: verdict.call, ok: false, code: answer.rpcCode ?? answer.status })
              return answer
            }
            response = answer
          } catch (error) {
            guard.note({ type: 'fault', call: verdict.call, error: error instanceof Error ? error.message : 'unknown' })
            return unavailable('server')
          }
        }
        if (response === undefined) {
          guard.note({ type: 'outcome', call: verdict.call, ok: false, cancelled: true })
          return { ok: true, response, pass: verdict }
        }
        const settled = guard.settle(exchange, verdict, response)
        const sealed = listed ? cursors.seal(principal, message.method, settled) : settled
        return {
          ok: true,
          response: isStateless(exchange.revision) ? requestStates.seal(principal, verdict.message, sealed) : sealed,
          pass: verdict,
        }
      } finally {
        if (session.deciding.get(message.id) === deciding) session.deciding.delete(message.id)
        inFlight.leave(caller)
      }
    },
    notification(session, exchange, message) {
      const params = message.params ?? {}
      if (methodIn(notificationMethods, message.method, exchange.revision) === undefined) return
      if (tasks.isForeign(params, exchange.principal.id)) {
        return guard.tally('foreign_task', { principal: exchange.principal.id })
      }
      switch (message.method) {
        case 'notifications/initialized':
          if (sole) sessionEra.notify(session, message)
          return
        case 'notifications/cancelled':
          cancel(session, exchange, params)
          return
        case 'notifications/progress':
          if (session.asked.has(params['progressToken'] as string | number)) sessionEra.notify(session, message)
          else guard.tally('foreign_id:progress', { principal: exchange.principal.id })
          return
        case 'notifications/roots/list_changed':
          if (session.facts.roots) sessionEra.notify(session, message)
          return
      }
    },
    response(session, exchange, message) {
      if (tasks.isForeign(message.result, exchange.principal.id) || !sessionEra.answer(session, message))
        guard.tally('foreign_id:response', { principal: exchange.principal.id })
    },
    leave(session, id) {
      const deciding = session.deciding.get(id)
      // Nobody can ask for the answer again. Within a session the client may still mean it (MCP transports: to disconnect is not to
      // cancel), so the server goes on; without one there is nobody left.
      if (session.id !== undefined) session.calls.get(id)?.abandon()
      else if (deciding !== undefined) deciding.cancelled = true
      else session.calls.get(id)?.cancel('disconnected')
    },
    release(session) {
      sessionEra.release(session)
      subscriptions.release(session, routes.unwatch)
    },
    closeListeners: listeners.close,
    async close() {
      listeners.close()
      await routes.close()
    },
  }
}
