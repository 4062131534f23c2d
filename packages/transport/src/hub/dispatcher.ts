import { canonicalResourceUri, type Principal } from '@portcullis/authz'
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

const maxSubscriptions = 1000

export const createDispatcher = (endpoint: McpEndpoint, options: DispatcherOptions): Dispatcher => {
  const { guard, sealer, sole } = options
  const tasks = createTaskOwners()
  const cursors = createCursors(sealer)
  const inFlight = createInFlight(options.maxInFlight ?? 4096, options.maxInFlightPerPrincipal ?? 512)

  const hub = createHub(endpoint, {
    sole,
    sessions: options.sessions,
    onUpdated: (uri, message) => void deliverUpdate(uri, message),
    onDropped: (message) => guard.tally(`dropped:${'method' in message ? message.method : 'response'}`, {}),
    taskOwner: tasks.ownerOf,
    ...(options.handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs: options.handshakeTimeoutMs }),
  })

  /** Each delivery is decided anew, on the listener's record of this moment. */
  const deliverUpdate = async (uri: string, message: JsonRpcNotification): Promise<void> => {
    const canonical = canonicalResourceUri(uri)
    if (canonical === undefined) return
    for (const session of options.sessions()) {
      const { stream } = session
      if (stream === undefined || !session.subscriptions.has(canonical)) continue
      const principal = await stream.renew()
      if (principal?.id !== session.principalId) stream.close()
      else if (guard.mayReceive(principal, canonical)) stream.send(message)
    }
  }

  const ok = (id: JsonRpcRequest['id'], result: unknown = {}): JsonRpcResponse => ({ jsonrpc: '2.0', id, result })
  const fail = (id: JsonRpcRequest['id'], code: number, message: string): JsonRpcResponse => ({
    jsonrpc: '2.0',
    id,
    error: { code, message },
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

  const subscribe = async (
    session: Session,
    principal: Principal,
    message: JsonRpcRequest,
    outlet: Outlet,
  ): Promise<JsonRpcResponse | undefined> => {
    const uri = message.params?.['uri'] as string
    if (message.method === 'resources/subscribe') {
      // Updates go to the stream of a session: without one nobody would ever hear of them, and nobody could end them.
      if (session.id === undefined && !sole) {
        return fail(message.id, rpcCodes.invalidRequest, 'Subscriptions need a session: initialize first.')
      }
      if (session.subscriptions.size >= maxSubscriptions) {
        return fail(message.id, rpcCodes.invalidParams, `A session may hold ${maxSubscriptions} subscriptions.`)
      }
      const response = await forward(session, principal, message, outlet)
      if (response?.result !== undefined) session.subscriptions.add(uri)
      return response
    }
    session.subscriptions.delete(uri)
    return wanted(uri) ? ok(message.id) : forward(session, principal, message, outlet)
  }

  const wanted = (uri: string): boolean => {
    for (const session of options.sessions()) if (session.subscriptions.has(uri)) return true
    return false
  }

  /** A task belongs to the principal that created it: for everybody else it does not exist. */
  const task = async (
    session: Session,
    exchange: Exchange,
    message: JsonRpcRequest,
    outlet: Outlet,
  ): Promise<JsonRpcResponse | undefined> => {
    const { principal } = exchange
    if (message.method !== 'tasks/list') {
      if (!tasks.isOwner(message.params?.['taskId'], principal.id)) {
        guard.tally('foreign_task', { principal: principal.id })
        return fail(message.id, rpcCodes.invalidParams, 'Task not found')
      }
      return forward(session, principal, message, outlet)
    }
    const response = await forward(session, principal, message, outlet)
    const result = response?.result
    if (response === undefined || !isRecord(result) || !Array.isArray(result['tasks'])) return response
    const own = result['tasks'].filter((item: unknown) => isRecord(item) && tasks.isOwner(item['taskId'], principal.id))
    return { ...response, result: { ...result, tasks: own } }
  }

  /** Messages may say which task they are part of: only its owner may. */
  const namesForeignTask = (content: unknown, principalId: string): boolean => {
    const meta = isRecord(content) ? content['_meta'] : undefined
    const related = isRecord(meta) ? meta['io.modelcontextprotocol/related-task'] : undefined
    return related !== undefined && !(isRecord(related) && tasks.isOwner(related['taskId'], principalId))
  }

  const run = async (
    session: Session,
    exchange: Exchange,
    message: JsonRpcRequest,
    outlet: Outlet,
  ): Promise<JsonRpcResponse | undefined> => {
    const { principal } = exchange
    if (namesForeignTask(message.params, principal.id)) {
      guard.tally('foreign_task', { principal: principal.id })
      return fail(message.id, rpcCodes.invalidParams, 'Task not found')
    }
    switch (message.method) {
      case 'initialize':
        return initialize(session, message)
      case 'ping':
        return ok(message.id)
      case 'logging/setLevel':
        return setLevel(session, message)
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return subscribe(session, principal, message, outlet)
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/cancel':
      case 'tasks/list':
        return task(session, exchange, message, outlet)
      default: {
        const response = await forward(session, principal, message, outlet)
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
      if (namesForeignTask(params, exchange.principal.id)) {
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
      if (namesForeignTask(message.result, exchange.principal.id) || !hub.answer(session, message))
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
      const uris = [...session.subscriptions]
      session.subscriptions.clear()
      for (const uri of uris) {
        if (!wanted(uri)) void hub.withdraw(uri)
      }
    },
  }
}
