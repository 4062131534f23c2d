import {
  isRecord,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
  rpcCodes,
} from '@portcullis/guard'
import { AsyncLocalStorage } from 'node:async_hooks'
import { TransportError } from '../errors.ts'
import type { AuthInfo, McpEndpoint, Outlet, ServerTransport } from '../types.ts'
import { type Call, deliver, logLevels, type Session } from './session.ts'

/** What a server answered to `initialize`. */
export interface Handshake {
  readonly protocolVersion: string
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly serverInfo: Readonly<Record<string, unknown>>
  readonly instructions?: string
}

export interface HubOptions {
  /** One client only (stdio): its `initialize` goes to the server, and what cannot be attributed is for it. */
  readonly sole: boolean
  /** Every session that may receive what belongs to no request. */
  readonly sessions: () => Iterable<Session>
  /** Called when the server says that a resource changed. */
  readonly onUpdated: (uri: string, message: JsonRpcNotification) => void
  /** Called for each message that could not be attributed to a client and was dropped. */
  readonly onDropped: (message: JsonRpcMessage) => void
  /** The principal that owns a task. */
  readonly taskOwner: (taskId: unknown) => string | undefined
}

/**
 * One long-lived server for many clients. Request ids and progress tokens are replaced by our own on the way in and
 * restored on the way out; what a server sends of its own accord goes to the client whose request it is working on,
 * which AsyncLocalStorage knows, or to nobody.
 */
export interface Hub {
  /** The server's handshake; connects it first when it is not. */
  ready(): Promise<Handshake>
  /** A client's own `initialize`, for the sole client of a server. */
  initialize(params: Readonly<Record<string, unknown>>): Promise<Handshake>
  /** Sends a request; resolves with the response under the client's id, or with nothing when it was cancelled. */
  call(
    message: JsonRpcRequest,
    to: { session: Session; outlet: Outlet; authInfo: AuthInfo },
  ): Promise<JsonRpcResponse | undefined>
  /** Sends a notification of a client; what the server asks because of it belongs to that client. */
  notify(session: Session, message: JsonRpcNotification): void
  /** Ends a call of this session by the client's id; false when it owns none by that id. */
  cancel(session: Session, clientId: unknown, reason?: unknown): boolean
  /** Hands a client's answer to the server if the server asked this session for it. */
  answer(session: Session, response: JsonRpcResponse): boolean
  /** Tells the server that nobody wants updates of a resource any more. */
  withdraw(uri: string): Promise<void>
  /** Calls under way. */
  readonly inFlight: number
  close(): Promise<void>
}

/** Capabilities that a shared server is told its client has; what one client really has is checked at each request. */
const everything = {
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
}

const latest = '2025-11-25'
const clientInfo = { name: 'portcullis', version: '1' }

const neededFact = (method: string): 'sampling' | 'elicitation' | 'roots' | undefined => {
  if (method.startsWith('sampling/')) return 'sampling'
  if (method.startsWith('elicitation/')) return 'elicitation'
  return method.startsWith('roots/') ? 'roots' : undefined
}

export const createHub = (endpoint: McpEndpoint, options: HubOptions): Hub => {
  const working = new AsyncLocalStorage<Call>()
  const calls = new Map<number, Call>()
  /** Requests of the server that a client has not answered yet. */
  const asked = new Map<RequestId, Session>()
  /** URL elicitations under way, whose completion is announced by id alone. */
  const elicitations = new Map<string, Session>()
  let lastId = 0
  let handshake: Promise<Handshake> | undefined
  let connected: Promise<void> | undefined
  let closed = false

  const transport: ServerTransport = {
    start: async () => {},
    send: async (message, sent) => receive(message, sent?.relatedRequestId),
    close: async () => transport.onclose?.(),
    onclose: () => lose(),
  }

  /** The server is gone: nothing that it was asked will be answered. */
  const lose = (): void => {
    handshake = undefined
    connected = undefined
    asked.clear()
    elicitations.clear()
    const lost = [...calls.values()]
    calls.clear()
    for (const call of lost) {
      call.settle({
        jsonrpc: '2.0',
        id: call.clientId ?? null,
        error: { code: rpcCodes.internalError, message: 'The server ended before it answered.' },
      })
    }
  }

  const toServer = (message: JsonRpcMessage, extra?: { authInfo: AuthInfo }): void => {
    transport.onmessage?.(message, extra)
  }

  const finish = (call: Call): void => {
    calls.delete(call.serverId)
    if (call.session !== undefined && call.clientId !== undefined) call.session.calls.delete(call.clientId)
  }

  const own = (method: string, params: Record<string, unknown>): Promise<JsonRpcResponse> =>
    new Promise((resolve) => {
      const serverId = ++lastId
      calls.set(serverId, { serverId, settle: (response) => resolve(response as JsonRpcResponse) })
      toServer({ jsonrpc: '2.0', id: serverId, method, params })
    })

  const shake = async (params: Readonly<Record<string, unknown>>): Promise<Handshake> => {
    const { result, error } = await own('initialize', { ...params })
    if (!isRecord(result) || typeof result['protocolVersion'] !== 'string') {
      throw new TransportError(
        'ERR_TRANSPORT_HANDSHAKE',
        `the server did not accept initialize: ${JSON.stringify(error?.message ?? 'no protocolVersion in its answer')}`,
      )
    }
    return {
      ...result,
      protocolVersion: result['protocolVersion'],
      capabilities: isRecord(result['capabilities']) ? result['capabilities'] : {},
      serverInfo: isRecord(result['serverInfo']) ? result['serverInfo'] : {},
    }
  }

  const connect = (): Promise<void> => {
    if (closed) return Promise.reject(new TransportError('ERR_TRANSPORT_UPSTREAM', 'the server is closed'))
    connected ??= endpoint.connect(transport as never).then(
      () => {},
      (error: unknown) => {
        connected = undefined
        throw error
      },
    )
    return connected
  }

  const firstHandshake = async (): Promise<Handshake> => {
    await connect()
    const answer = await shake({
      protocolVersion: latest,
      capabilities: endpoint.remote === true ? {} : everything,
      clientInfo,
    })
    toServer({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return answer
  }

  const ready = (): Promise<Handshake> => {
    handshake ??= firstHandshake().catch((error: unknown) => {
      handshake = undefined
      throw error
    })
    return handshake
  }

  /** The client that a message of the server belongs to. */
  const ownerOf = (relatedRequestId: unknown): { session: Session; outlet?: Outlet } | undefined => {
    const call = (typeof relatedRequestId === 'number' ? calls.get(relatedRequestId) : undefined) ?? working.getStore()
    if (call?.session !== undefined) {
      // A handler that goes on after its response has no stream of its own any more.
      return calls.has(call.serverId) && call.outlet !== undefined
        ? { session: call.session, outlet: call.outlet }
        : { session: call.session }
    }
    if (!options.sole) return undefined
    const [session] = options.sessions()
    return session === undefined ? undefined : { session }
  }

  const receive = (message: JsonRpcMessage, relatedRequestId: unknown): void => {
    if ('method' in message) {
      if ('id' in message) receiveRequest(message, relatedRequestId)
      else receiveNotification(message, relatedRequestId)
      return
    }
    const call = typeof message.id === 'number' ? calls.get(message.id) : undefined
    if (call === undefined) return options.onDropped(message)
    finish(call)
    call.settle(call.clientId === undefined ? message : { ...message, id: call.clientId })
  }

  const receiveRequest = (message: JsonRpcRequest, relatedRequestId: unknown): void => {
    const refuse = (code: number, text: string): void =>
      toServer({ jsonrpc: '2.0', id: message.id, error: { code, message: text } })
    if (message.method === 'ping') return toServer({ jsonrpc: '2.0', id: message.id, result: {} })
    const owner = ownerOf(relatedRequestId)
    const fact = neededFact(message.method)
    if (owner === undefined || fact === undefined || !owner.session.facts[fact]) {
      options.onDropped(message)
      return refuse(rpcCodes.methodNotFound, 'The client that this request belongs to cannot answer it.')
    }
    const { session } = owner
    if (asked.has(message.id) || session.asked.size >= 100) {
      return refuse(rpcCodes.invalidRequest, 'Too many requests to this client are waiting for an answer.')
    }
    asked.set(message.id, session)
    session.asked.add(message.id)
    const elicitation = message.params?.['elicitationId']
    if (typeof elicitation === 'string') remember(elicitation, session)
    if (!deliver(session, message, owner.outlet)) {
      asked.delete(message.id)
      session.asked.delete(message.id)
      refuse(rpcCodes.invalidRequest, 'The client that this request belongs to is not listening.')
    }
  }

  const remember = (elicitation: string, session: Session): void => {
    if (elicitations.size >= 1000) {
      const oldest = elicitations.keys().next()
      if (!oldest.done) elicitations.delete(oldest.value)
    }
    elicitations.set(elicitation, session)
  }

  const receiveNotification = (message: JsonRpcNotification, relatedRequestId: unknown): void => {
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
        for (const session of options.sessions()) session.stream?.send(message)
        return
      case 'notifications/cancelled': {
        const session = asked.get(params['requestId'] as RequestId)
        if (session === undefined) return options.onDropped(message)
        asked.delete(params['requestId'] as RequestId)
        session.asked.delete(params['requestId'] as RequestId)
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
        const wanted = owner.session.logLevel
        if (message.method === 'notifications/message' && wanted !== undefined && level < wanted) return
        deliver(owner.session, message, owner.outlet)
      }
    }
  }

  return {
    ready,
    async initialize(params) {
      await connect()
      handshake = shake(params)
      return handshake
    },
    async call(message, { session, outlet, authInfo }) {
      await ready()
      if (session.calls.has(message.id)) {
        const error = { code: rpcCodes.invalidRequest, message: 'A request with this id is still under way.' }
        return { jsonrpc: '2.0', id: message.id, error }
      }
      const { _meta: meta } = message.params ?? {}
      const token = isRecord(meta) ? meta['progressToken'] : undefined
      const progressToken = typeof token === 'string' || typeof token === 'number' ? token : undefined
      return new Promise((settle) => {
        const serverId = ++lastId
        const call: Call = {
          serverId,
          clientId: message.id,
          session,
          outlet,
          ...(progressToken === undefined ? {} : { progressToken }),
          settle,
        }
        calls.set(serverId, call)
        session.calls.set(message.id, call)
        const params =
          token === undefined
            ? message.params
            : { ...message.params, _meta: { ...(meta as object), progressToken: serverId } }
        const forwarded = { ...message, id: serverId, ...(params === undefined ? {} : { params }) }
        working.run(call, () => toServer(forwarded, { authInfo }))
      })
    },
    notify(session, message) {
      working.run({ serverId: 0, session, settle: () => {} }, () => toServer(message))
    },
    cancel(session, clientId, reason) {
      const call = session.calls.get(clientId as RequestId)
      if (call === undefined) return false
      finish(call)
      toServer({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: call.serverId, ...(typeof reason === 'string' ? { reason } : {}) },
      })
      call.settle(undefined)
      return true
    },
    answer(session, response) {
      const { id } = response
      if (id === null || asked.get(id) !== session) return false
      asked.delete(id)
      session.asked.delete(id)
      toServer(response)
      return true
    },
    async withdraw(uri) {
      if (handshake !== undefined) await own('resources/unsubscribe', { uri })
    },
    get inFlight() {
      return calls.size
    },
    async close() {
      closed = true
      lose()
      await endpoint.close?.()
    },
  }
}
