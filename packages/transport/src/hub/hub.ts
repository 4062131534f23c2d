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
import { createInbound, type InboundOptions } from './inbound.ts'
import type { Call, Session } from './session.ts'

/** What a server answered to `initialize`. */
export interface Handshake {
  readonly protocolVersion: string
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly serverInfo: Readonly<Record<string, unknown>>
  readonly instructions?: string
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
  /** Forgets a call whose answer nobody can take any more; the server goes on with it. */
  abandon(session: Session, clientId: RequestId): void
  /** Tells the server that a session which it asked will not answer. */
  release(session: Session): void
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

export interface HubOptions extends InboundOptions {
  /** How long the server may take to answer the handshake. Default 60,000. */
  readonly handshakeTimeoutMs?: number
}

export const createHub = (endpoint: McpEndpoint, options: HubOptions): Hub => {
  const working = new AsyncLocalStorage<Call>()
  const calls = new Map<number, Call>()
  let lastId = 0
  let handshake: Promise<Handshake> | undefined
  let connected: Promise<void> | undefined
  let closed = false

  const transport: ServerTransport = {
    start: async () => {},
    async send(message, sent) {
      try {
        receive(message, sent?.relatedRequestId)
      } catch {
        // What cannot be handed on (nested too deep to be written, say) concerns one message, not everybody.
        options.onDropped(message)
      }
    },
    close: async () => transport.onclose?.(),
    onclose: () => lose(),
  }

  /** The server is gone: nothing that it was asked will be answered. */
  const lose = (): void => {
    handshake = undefined
    connected = undefined
    inbound.clear()
    for (const call of calls.values()) {
      finish(call)
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

  const inTime = (answer: Promise<Handshake>): Promise<Handshake> => {
    const limitMs = options.handshakeTimeoutMs ?? 60_000
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new TransportError('ERR_TRANSPORT_HANDSHAKE', `the server did not answer initialize within ${limitMs} ms`),
        )
      }, limitMs)
      answer.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  }

  /** A handshake that failed is not the one that everybody waits for any more. */
  const attempt = (answer: Promise<Handshake>): Promise<Handshake> => {
    const attempted: Promise<Handshake> = inTime(answer).catch((error: unknown) => {
      if (handshake === attempted) handshake = undefined
      throw error
    })
    return attempted
  }

  const ready = (): Promise<Handshake> => {
    handshake ??= attempt(firstHandshake())
    return handshake
  }

  const receive = (message: JsonRpcMessage, relatedRequestId: unknown): void => {
    if ('method' in message) {
      if ('id' in message) inbound.request(message, relatedRequestId)
      else inbound.notification(message, relatedRequestId)
      return
    }
    const call = typeof message.id === 'number' ? calls.get(message.id) : undefined
    if (call === undefined) return options.onDropped(message)
    finish(call)
    call.settle(call.clientId === undefined ? message : { ...message, id: call.clientId })
  }
  const inbound = createInbound(calls, working, toServer, options)

  return {
    ready,
    async initialize(params) {
      await connect()
      handshake = attempt(shake(params))
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
    abandon(session, clientId) {
      const call = session.calls.get(clientId)
      if (call === undefined) return
      finish(call)
      call.settle(undefined)
    },
    answer: inbound.answer,
    release: inbound.release,
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
