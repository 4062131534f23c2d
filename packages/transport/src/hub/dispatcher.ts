import type { Principal } from '@portcullis/authz'
import {
  type Exchange,
  type Guard,
  isRecord,
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
import { authInfoOf } from '../auth-info.ts'
import type { Sealer } from '../sealer.ts'
import type { McpEndpoint, Outlet } from '../types.ts'
import { createCursors } from './cursors.ts'
import { factsOf } from './facts.ts'
import { createHub, type Handshake, type Hub } from './hub.ts'
import { createInFlight } from './in-flight.ts'
import { logLevels, type Session } from './session.ts'
import { fail, ok } from './responses.ts'
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
  request(session: Session, exchange: Exchange, message: JsonRpcRequest, outlet: Outlet): Promise<Answer | Refusal>
  notification(session: Session, exchange: Exchange, message: JsonRpcNotification): void
  response(session: Session, exchange: Exchange, message: JsonRpcResponse): void
  /** The client that asked is gone, and with it the answer. */
  leave(session: Session, id: JsonRpcRequest['id']): void
  /** Gives back what a session held at the server. */
  release(session: Session): void
  readonly hub: Hub
}

export interface DispatcherOptions {
  readonly guard: Guard
  readonly sealer: Sealer
  readonly sole: boolean
  readonly handshakeTimeoutMs?: number
  readonly sessions: () => Iterable<Session>
  /** Requests under way in all, and of one principal. Beyond: 503. Defaults 4,096 and 512. */
  readonly maxInFlight?: number
  readonly maxInFlightPerPrincipal?: number
}

export const createDispatcher = (endpoint: McpEndpoint, options: DispatcherOptions): Dispatcher => {
  const { guard, sealer, sole } = options
  const tasks = createTaskOwners()
  const subscriptions = createSubscriptions(options)
  const cursors = createCursors(sealer)
  const inFlight = createInFlight(options.maxInFlight ?? 4096, options.maxInFlightPerPrincipal ?? 512)

  const hub = createHub(endpoint, {
    sole,
    sessions: options.sessions,
    onUpdated: (uri, message) => void subscriptions.deliver(uri, message),
    onDropped: (message) => guard.tally(`dropped:${'method' in message ? message.method : 'response'}`, {}),
    taskOwner: tasks.ownerOf,
    ...(options.handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs: options.handshakeTimeoutMs }),
  })

  const initialize = async (session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse> => {
    if (typeof message.params?.['protocolVersion'] !== 'string') {
      return fail(message.id, rpcCodes.invalidParams, 'params.protocolVersion must be a string.')
    }
    const facts = factsOf(message.params)
    const handshake: Handshake = sole
      ? await hub.initialize({ ...message.params, protocolVersion: facts.revision })
      : await hub.ready()
    session.facts = facts
    const experimental = handshake.capabilities['experimental']
    const { declaration } = guard
    return ok(message.id, {
      ...handshake,
      protocolVersion: facts.revision,
      capabilities: {
        ...handshake.capabilities,
        experimental: { ...(isRecord(experimental) ? experimental : {}), authentication: declaration },
      },
    })
  }

  const setLevel = async (session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse> => {
    const { capabilities } = await hub.ready()
    if (!isRecord(capabilities['logging'])) return fail(message.id, rpcCodes.methodNotFound, 'Method not found')
    const level = logLevels.indexOf(message.params?.['level'] as (typeof logLevels)[number])
    if (level < 0) return fail(message.id, rpcCodes.invalidParams, 'params.level is not a log level.')
    session.logLevel = level
    return ok(message.id)
  }

  const forward = (
    session: Session,
    principal: Principal,
    message: JsonRpcRequest,
    outlet: Outlet,
  ): Promise<JsonRpcResponse | undefined> =>
    hub.call(message, { session, outlet, authInfo: authInfoOf(principal, session.facts.revision) })

  /** A task belongs to the principal that created it: for everybody else it does not exist. */
  const foreignTask = (principal: Principal, { id }: JsonRpcRequest): JsonRpcResponse => {
    guard.tally('foreign_task', { principal: principal.id })
    return fail(id, rpcCodes.invalidParams, 'Task not found')
  }

  const run = async (
    session: Session,
    exchange: Exchange,
    message: JsonRpcRequest,
    outlet: Outlet,
  ): Promise<JsonRpcResponse | undefined> => {
    const { principal } = exchange
    const onward = (onwards: JsonRpcRequest) => forward(session, principal, onwards, outlet)
    if (tasks.isForeign(message.params, principal.id)) return foreignTask(principal, message)
    switch (message.method) {
      case 'initialize':
        return initialize(session, message)
      case 'ping':
        return ok(message.id)
      case 'logging/setLevel':
        return setLevel(session, message)
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return subscriptions.handle(session, message, onward)
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/cancel':
        if (!tasks.isOwner(message.params?.['taskId'], principal.id)) return foreignTask(principal, message)
        return onward(message)
      case 'tasks/list':
        return tasks.filter(await onward(message), principal.id)
      default: {
        const response = await onward(message)
        const taskId = createdTask(response?.result)
        if (taskId !== undefined) tasks.own(taskId, principal.id)
        return response
      }
    }
  }

  /** A request may be cancelled while the guard still decides on it: then it never reaches the server. */
  const cancel = (session: Session, exchange: Exchange, params: Readonly<Record<string, unknown>>): void => {
    const { requestId, reason } = params
    const deciding = session.deciding.get(requestId as string | number)
    if (deciding !== undefined) deciding.cancelled = true
    else if (!hub.cancel(session, requestId, reason)) {
      guard.tally('foreign_id:cancelled', { principal: exchange.principal.id })
    }
  }

  return {
    hub,
    async request(session, exchange, message, outlet) {
      const { principal } = exchange
      if (session.deciding.has(message.id)) {
        return refuse(400, 'PORTCULLIS_BAD_REQUEST', 'A request with this id is still under way.', {
          rpcCode: rpcCodes.invalidRequest,
          reason: 'duplicate_id',
        })
      }
      // Anonymous callers are many: one of them must not use up what all of them have.
      const caller = principal.method === 'anonymous' ? `anonymous ${exchange.address ?? ''}` : principal.id
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
        const forwarded = listed ? cursors.open(principal, verdict.message) : verdict.message
        let response: JsonRpcResponse | undefined
        if (forwarded === undefined) {
          response = fail(message.id, rpcCodes.invalidParams, 'params.cursor was not given out for this list.')
        } else if (!deciding.cancelled) {
          session.deciding.delete(message.id)
          try {
            response = await run(session, exchange, forwarded, outlet)
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
        return {
          ok: true,
          response: listed ? cursors.seal(principal, message.method, settled) : settled,
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
          if (sole) hub.notify(session, message)
          return
        case 'notifications/cancelled':
          cancel(session, exchange, params)
          return
        case 'notifications/progress':
          if (session.asked.has(params['progressToken'] as string | number)) hub.notify(session, message)
          else guard.tally('foreign_id:progress', { principal: exchange.principal.id })
          return
        case 'notifications/roots/list_changed':
          if (session.facts.roots) hub.notify(session, message)
          return
      }
    },
    response(session, exchange, message) {
      if (tasks.isForeign(message.result, exchange.principal.id) || !hub.answer(session, message))
        guard.tally('foreign_id:response', { principal: exchange.principal.id })
    },
    leave(session, id) {
      const deciding = session.deciding.get(id)
      // Nobody can ask for the answer again. Within a session the client may still mean it (MCP transports: to disconnect is not to
      // cancel), so the server goes on; without one there is nobody left.
      if (session.id !== undefined) hub.abandon(session, id)
      else if (deciding !== undefined) deciding.cancelled = true
      else hub.cancel(session, id, 'disconnected')
    },
    release(session) {
      hub.release(session)
      subscriptions.release(session, (uri) => void hub.withdraw(uri))
    },
  }
}
