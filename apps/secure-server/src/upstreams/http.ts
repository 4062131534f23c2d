import { SdkHttpError, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type GuardLog, isRecord, type JsonRpcMessage, rpcCodes } from '@portcullis/guard'
import type { McpEndpoint, ServerTransport } from '@portcullis/transport'
import { AsyncLocalStorage } from 'node:async_hooks'
import { bounded } from './bounded.ts'
import { about, UnreachableError, unreachable } from './failure.ts'

const maxBackoffMs = 10_000
/** One message of a server; it is trusted not to be hostile, not to be short. */
const maxMessageBytes = 64 * 1024 * 1024
/** However often a server says that its streams are to be taken up again. */
const minReconnectMs = 1000

/** One message on its way there, and what is known of its answer. */
interface Exchange {
  /** Absent for what is not answered. */
  readonly id?: string | number
  readonly initial: boolean
  open: boolean
  /** The answer comes on a stream, whose end is reported on its own. */
  streams: boolean
}

export interface HttpUpstreamOptions {
  /** Bytes of an answer, or of one event of a stream. Default 67,108,864. */
  readonly maxMessageBytes?: number
}

/**
 * A Streamable HTTP MCP server as an endpoint, by the official client's transport: connected at the first use, and again after it was
 * lost (waiting longer each time). Lost is one that cannot be reached or that has forgotten the session; what it refuses, or answers
 * with what is no answer, concerns that request only. Its own credential is in `headers`: what our clients show us is never passed on.
 */
export const createHttpUpstream = (
  url: string,
  headers: Readonly<Record<string, string>>,
  log: GuardLog,
  options: HttpUpstreamOptions = {},
): McpEndpoint & { close(): Promise<void> } => {
  const maxBytes = options.maxMessageBytes ?? maxMessageBytes
  const target = new URL(url)
  // The rest of a URL may be a secret.
  const shown = `${target.origin}${target.pathname}`
  const current = new AsyncLocalStorage<Exchange>()
  let wire: StreamableHTTPClientTransport | undefined
  let failures = 0
  let lostAtMs = Number.NEGATIVE_INFINITY

  const connect = async (outside: ServerTransport): Promise<void> => {
    const waitMs = Math.min(maxBackoffMs, 100 * 2 ** Math.min(failures, 10)) - (performance.now() - lostAtMs)
    if (failures > 0 && waitMs > 0) throw new Error(`the upstream is asked again in ${Math.ceil(waitMs)} ms`)
    const exchanges = new Map<string | number, Exchange>()

    const reach = async (place: string | URL, init: RequestInit = {}): Promise<Response> => {
      const exchange = current.getStore()
      const response = await fetch(place, { ...init, redirect: 'manual' }).catch((error: unknown) => {
        throw init.signal?.aborted === true ? error : unreachable(error)
      })
      const events =
        response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() === 'text/event-stream'
      // All others are read as one, whatever they say they are.
      const stream = response.ok && (init.method === 'GET' || (events && exchange?.id !== undefined))
      if (stream && exchange !== undefined) exchange.streams = true
      const onTooLarge = (): void => {
        log('warn', 'upstream.answer_too_large', { url: shown, maxBytes })
        if (exchange !== undefined) fail(exchange, 'The server sent more than is taken.')
      }
      return bounded(response, { maxBytes, stream, onTooLarge })
    }
    const own = new StreamableHTTPClientTransport(target, {
      // A redirect would carry the credential to whoever is named in it: `reach` follows none, and this keeps the transport from it.
      requestInit: { headers: { ...headers }, redirect: 'manual' },
      fetch: reach,
      reconnectionScheduler: (reconnect, delayMs) => {
        const exchange = current.getStore()
        if (exchange?.id !== undefined && !exchange.open) return undefined
        const timer = setTimeout(reconnect, Math.max(minReconnectMs, delayMs))
        timer.unref()
        return () => clearTimeout(timer)
      },
    })
    wire = own

    const lose = (error: unknown): void => {
      if (wire !== own) return
      wire = undefined
      failures++
      lostAtMs = performance.now()
      log('warn', 'upstream.lost', { url: shown, ...about(error) })
      void own.close().catch(() => {})
      outside.onclose?.()
    }
    /** Answers in the place of the server, unless it has. */
    const fail = (exchange: Exchange, message: string, error?: unknown): void => {
      if (!exchange.open || exchange.id === undefined) return
      exchange.open = false
      exchanges.delete(exchange.id)
      void outside.send({ jsonrpc: '2.0', id: exchange.id, error: { code: rpcCodes.internalError, message } }, {})
      // Without a handshake there is no connection: the next one waits.
      if (exchange.initial) lose(error ?? new Error(message))
    }
    own.onmessage = (message) => {
      failures = 0
      if (!('method' in message) && message.id !== undefined) {
        const exchange = exchanges.get(message.id)
        if (exchange !== undefined) exchange.open = false
        exchanges.delete(message.id)
      }
      // What a server negotiates, its later requests must say (MCP 2025-06-18, protocol version header).
      const result = 'result' in message && isRecord(message.result) ? message.result : undefined
      if (typeof result?.['protocolVersion'] === 'string') own.setProtocolVersion(result['protocolVersion'])
      void outside.send(message as never, {})
    }

    const pass = async (message: JsonRpcMessage): Promise<void> => {
      const id = 'method' in message && 'id' in message ? message.id : undefined
      const initial = 'method' in message && message.method === 'initialize'
      const exchange: Exchange = { initial, open: true, streams: false, ...(id === undefined ? {} : { id }) }
      if (wire !== own) return fail(exchange, 'The server is not connected.')
      if (id !== undefined) exchanges.set(id, exchange)
      const inSession = own.sessionId !== undefined && !initial
      const onRequestStreamEnd = (): void => fail(exchange, 'The server ended its answer before it was whole.')
      try {
        await current.run(exchange, () => own.send(message as never, { onRequestStreamEnd }))
        if (!exchange.streams) fail(exchange, 'The server sent no answer.')
      } catch (error) {
        if (wire !== own) return
        const status = error instanceof SdkHttpError ? error.status : undefined
        if (error instanceof UnreachableError || (status === 404 && inSession)) return lose(error)
        const level = status !== undefined && status < 500 ? 'debug' : 'warn'
        log(level, 'upstream.refused', { url: shown, ...about(error) })
        fail(
          exchange,
          status === undefined ? 'The server sent no answer.' : `The server answered with HTTP status ${status}.`,
          error,
        )
      }
    }
    outside.onmessage = (message) => void pass(message)
    own.onclose = () => lose(new Error('closed'))
    await own.start()
  }

  return {
    remote: true,
    connect: (transport: never) => connect(transport),
    async close() {
      const ending = wire
      wire = undefined
      if (ending === undefined) return
      await ending.terminateSession().catch(() => {})
      await ending.close()
    },
  }
}
