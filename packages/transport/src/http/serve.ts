import type { Guard, GuardLog } from '@portcullis/guard'
import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createCidrSet } from '@portcullis-internal/net'
import { TransportError } from '../errors.ts'
import { createDispatcher } from '../hub/dispatcher.ts'
import type { Handshake } from '../hub/handshake.ts'
import { createSessions } from '../hub/sessions.ts'
import {
  areMasterKeys,
  assertOptions,
  type Check,
  isFlag,
  isFunction,
  isGuard,
  isObject,
  isText,
  isTexts,
  isWhole,
} from '../options.ts'
import { createSealer } from '../sealer.ts'
import type { Gateway, McpEndpoint } from '../types.ts'
import { noteConnections } from './connections.ts'
import { createFront } from './front.ts'
import type { FrontOptions } from './types.ts'

export interface ServeHttpOptions
  extends Omit<FrontOptions, 'dispatcher' | 'sessions' | 'loopback' | 'peerOf' | 'proxies' | 'secure'> {
  readonly guard: Guard
  /** 0: any free port. */
  readonly port: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** 32 bytes each; the first seals session ids and cursors, all open them. Default: a random one, for this process alone. */
  readonly masterKeys?: readonly Uint8Array[]
  /** Connections at once. Default 2,000. */
  readonly maxConnections?: number
  /** Connections of one peer at once, unless it is a trusted proxy. Default 500. */
  readonly maxConnectionsPerPeer?: number
  /** How long the server behind the guard may take to answer the handshake. Default 60,000. */
  readonly handshakeTimeoutMs?: number
  /** Speak HTTPS: certificate chain and key as PEM text, and with `clientCa` only to clients that show a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  readonly log?: GuardLog
}

/** A running server. */
export interface Served {
  /** The endpoint: `http://127.0.0.1:3000/mcp`. */
  readonly url: string
  readonly port: number
  readonly server: Server
  /** What the server behind the guard answered to the handshake. */
  readonly handshake: Handshake
  /** Takes no more requests, lets those under way finish for at most `graceMs` (default 25,000), then ends. */
  close(graceMs?: number): Promise<void>
}

const sweepEveryMs = 50
const lingerMs = 2000

/** Under TLS a peer may never finish its handshake: what is written to it is never sent, and nobody else ends it. */
const isHandshaking = (socket: object): boolean => 'secureConnecting' in socket && socket.secureConnecting === true
const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** Limits before anything is known of a caller: time for headers and bodies, sizes, numbers. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 16_384,
  // Node reads a smuggled second request out of malformed framing otherwise.
  insecureHTTPParser: false,
}

const createSecureServer = ({ cert, key, clientCa }: NonNullable<ServeHttpOptions['tls']>): Server => {
  try {
    return createTlsServer({
      ...limits,
      cert,
      key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.headersTimeout,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
    })
  } catch (error) {
    throw new TransportError('ERR_TRANSPORT_OPTIONS', `tls: ${(error as Error).message}`, { cause: error })
  }
}

const isTls: Check = (value) =>
  isObject(value) &&
  Object.entries(value as object).every(([name, item]) => ['cert', 'key', 'clientCa'].includes(name) && isText(item)) &&
  'cert' in (value as object) &&
  'key' in (value as object)

const checks: Readonly<Record<keyof ServeHttpOptions, Check>> = {
  guard: isGuard,
  port: isWhole(0, 65_535),
  host: isText,
  path: (value) => isText(value) && (value as string).startsWith('/'),
  keyHeader: (value) => typeof value === 'string' && /^[a-z0-9-]+$/.test(value),
  allowedHosts: isTexts,
  allowedOrigins: isTexts,
  trustedProxies: isTexts,
  refuseProxied: isFlag,
  maxBodyBytes: isWhole(1, 268_435_456),
  inBand: isFlag,
  greeting: isText,
  masterKeys: areMasterKeys,
  maxConnections: isWhole(1, 1_000_000),
  maxConnectionsPerPeer: isWhole(1, 1_000_000),
  handshakeTimeoutMs: isWhole(1, 3_600_000),
  tls: isTls,
  protectedResource: (value) => isObject(value) && isFunction((value as { document?: unknown }).document),
  log: isFunction,
}

/**
 * Serves an MCP server over Streamable HTTP behind a guard: `serveHttp(server, { guard, port })`.
 *
 * @throws {TransportError} `ERR_TRANSPORT_OPTIONS`; `ERR_TRANSPORT_LISTEN` when the port cannot be had, `ERR_TRANSPORT_HANDSHAKE` and
 *   `ERR_TRANSPORT_UPSTREAM` when the server does not answer.
 */
export const serveHttp = async (endpoint: McpEndpoint | Gateway, options: ServeHttpOptions): Promise<Served> => {
  assertOptions('serveHttp', options, checks)
  const { guard, host = '127.0.0.1', path = '/mcp' } = options
  const masterKeys = options.masterKeys ?? [randomBytes(32)]
  const sessions = createSessions({
    sealer: createSealer(masterKeys, 'session'),
    onForget: (session) => dispatcher.release(session),
  })
  const dispatcher = createDispatcher(endpoint, {
    guard,
    masterKeys,
    sole: false,
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs: options.handshakeTimeoutMs }),
    sessions: sessions.live,
  })
  const handshake = await dispatcher.ready().catch(async (error: unknown) => {
    await dispatcher.close()
    throw error
  })
  const proxies = createCidrSet(options.trustedProxies ?? [])
  const { tls } = options
  const server = tls === undefined ? createServer(limits) : createSecureServer(tls)
  const connections = noteConnections(server, {
    maxPerPeer: options.maxConnectionsPerPeer ?? 500,
    isProxy: proxies.has,
  })
  server.on(
    'request',
    createFront({
      ...options,
      dispatcher,
      sessions,
      loopback: loopback.has(host),
      peerOf: connections.peerOf,
      proxies,
      secure: tls !== undefined,
    }),
  )
  // All headers, however many fit: those that node drops would be there for a proxy and not for us.
  server.maxHeadersCount = 0
  server.maxConnections = options.maxConnections ?? 2000
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Whoever has an answer already must not get a second one for the same request.
    const { bytesWritten } = socket as Socket
    if (!socket.writable || error.code === 'ECONNRESET' || bytesWritten > 0 || isHandshaking(socket))
      return socket.destroy()
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    // Whoever does not read it keeps the connection no longer than this.
    setTimeout(() => socket.destroy(), lingerMs).unref()
    return undefined
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new TransportError('ERR_TRANSPORT_LISTEN', `cannot listen on ${host}:${options.port}: ${error.code}`, {
          cause: error,
        }),
      )
    })
    server.listen(options.port, host, resolve)
  }).catch(async (error: unknown) => {
    await dispatcher.close()
    throw error
  })
  const { port } = server.address() as AddressInfo

  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    port,
    server,
    handshake,
    async close(graceMs = 25_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      sessions.closeStreams()
      dispatcher.closeListeners()
      // A connection that has just been answered stays open for more, which must not come.
      server.closeIdleConnections()
      const sweep = setInterval(() => server.closeIdleConnections(), sweepEveryMs)
      const impatient = setTimeout(() => {
        server.closeAllConnections()
        connections.destroyAll()
      }, graceMs)
      await closed
      clearInterval(sweep)
      clearTimeout(impatient)
      await dispatcher.close()
    },
  }
}
