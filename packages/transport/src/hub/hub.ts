import {
  isRecord,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  rpcCodes,
} from '@portcullis/guard'
import { AsyncLocalStorage } from 'node:async_hooks'
import { TransportError } from '../errors.ts'
import type { AuthInfo, McpEndpoint, MessageExtra, Outlet, ServerTransport } from '../types.ts'
import { ownEnvelope } from './envelope.ts'
import { discovered, everything, type Handshake, initialized, latest } from './handshake.ts'
import { createInbound, type InboundOptions } from './inbound.ts'
import type { Call, Session } from './session.ts'

/** Whose call it is, and where what belongs to it goes. */
export interface Destination {
  readonly session: Session
  readonly outlet: Outlet & { readonly pause?: () => void; readonly gone?: () => boolean }
  readonly authInfo: AuthInfo
  /** The least severe level of log messages that this call wants; absent where the session says. */
  readonly logLevel?: number
}

/**
 * One long-lived server for many clients. Request ids and progress tokens are replaced by our own on the way in and
 * restored on the way out; what a server sends of its own accord goes to the client whose request it is working on,
 * which AsyncLocalStorage knows, or to nobody.
 */
export interface Hub {
  /** The server's handshake; connects it first when it is not. */
  ready(): Promise<Handshake>
  /** A request of our own. */
  /** Rejects when it is not answered in time, 60,000 ms by default. */
  ask(method: string, params: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<JsonRpcResponse>
  /** A client's own `initialize`, for the sole client of a server. */
  initialize(params: Readonly<Record<string, unknown>>): Promise<Handshake>
  /** Sends a request; resolves with the response under the client's id, or with nothing when it was cancelled. */
  call(message: JsonRpcRequest, to: Destination): Promise<JsonRpcResponse | undefined>
  /** Sends a notification of a client; what the server asks because of it belongs to that client. */
  notify(session: Session, message: JsonRpcNotification): void
  /** Tells the server that a session which it asked will not answer. */
  release(session: Session): void
  /** Hands a client's answer to the server if the server asked this session for it. */
  answer(session: Session, response: JsonRpcResponse): boolean
  /** Calls under way. */
  readonly inFlight: number
  close(): Promise<void>
}

const clientInfo = { name: 'portcullis', version: '1' }

export interface HubOptions extends InboundOptions {
  /** How long the server may take to answer the handshake. Default 60,000. */
  readonly handshakeTimeoutMs?: number
  /** Speak 2026-07-28 with the server: no `initialize`, every request says by itself who asks. Default false. */
  readonly stateless?: boolean
  /** Called when the server is gone: what was learnt of it may not hold for the next. */
  readonly onLost?: () => void
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
    options.onLost?.()
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

  const toServer = (message: JsonRpcMessage, extra?: MessageExtra): void => {
    transport.onmessage?.(message, extra)
  }

  const finish = (call: Call): void => {
    calls.delete(call.serverId)
    if (call.session !== undefined && call.clientId !== undefined) call.session.calls.delete(call.clientId)
  }

  const cancel = (call: Call, reason: unknown): void => {
    finish(call)
    const params = { requestId: call.serverId, ...(typeof reason === 'string' ? { reason } : {}) }
    toServer({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
    call.settle(undefined)
  }

  const own = (method: string, params: Record<string, unknown>, timeoutMs?: number): Promise<JsonRpcResponse> =>
    new Promise((resolve, reject) => {
      const serverId = ++lastId
      let timer: NodeJS.Timeout | undefined
      const call: Call = {
        serverId,
        settle(response) {
          clearTimeout(timer)
          resolve(response as JsonRpcResponse)
        },
      }
      calls.set(serverId, call)
      if (timeoutMs !== undefined) {
        timer = setTimeout(() => {
          finish(call)
          reject(
            new TransportError('ERR_TRANSPORT_UPSTREAM', `the server did not answer ${method} within ${timeoutMs} ms`),
          )
        }, timeoutMs).unref()
      }
      const said = options.stateless === true ? { ...params, _meta: ownEnvelope(clientInfo) } : params
      toServer({ jsonrpc: '2.0', id: serverId, method, params: said })
    })

  const shake = async (params: Readonly<Record<string, unknown>>): Promise<Handshake> =>
    initialized(await own('initialize', { ...params }))

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
    if (options.stateless === true) return discovered(await own('server/discover', {}))
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
    async ask(method, params, timeoutMs = 60_000) {
      await ready()
      return own(method, { ...params }, timeoutMs)
    },
    async initialize(params) {
      await connect()
      handshake = attempt(shake(params))
      return handshake
    },
    async call(message, { session, outlet, authInfo, logLevel }) {
      await ready()
      if (outlet.gone?.() === true) return undefined
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
          ...(logLevel === undefined ? {} : { logLevel }),
          settle,
        }
        calls.set(serverId, call)
        session.calls.set(message.id, {
          cancel: (reason) => cancel(call, reason),
          abandon: () => {
            finish(call)
            settle(undefined)
          },
        })
        const params =
          token === undefined
            ? message.params
            : { ...message.params, _meta: { ...(meta as object), progressToken: serverId } }
        const forwarded = { ...message, id: serverId, ...(params === undefined ? {} : { params }) }
        const closing = outlet.pause === undefined ? {} : { closeSSEStream: outlet.pause }
        working.run(call, () => toServer(forwarded, { authInfo, ...closing }))
      })
    },
    notify(session, message) {
      working.run({ serverId: 0, session, settle: () => {} }, () => toServer(message))
    },
    answer: inbound.answer,
    release: inbound.release,
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
