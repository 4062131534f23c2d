import type { GuardLog } from '@portcullis/guard'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Settings } from '../config/settings.ts'
import { ExitError } from '../exit.ts'
import type { Metrics } from './metrics.ts'

/** The listener for whoever runs the server: `/livez` answers while the process does, `/readyz` while it should be sent requests. */
export interface Operations {
  notReady(): void
  close(): Promise<void>
}

export interface OperationsPorts {
  readonly log: GuardLog
  readonly metrics: Metrics
  /** Why this server should not be sent requests; empty when it should. */
  readonly problems: () => Promise<readonly string[]>
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

interface Page {
  readonly status: number
  readonly text: string
  readonly type?: string
}

/** `undefined` when it is off, or when nobody asked for the port and it is taken. */
export const serveOperations = async (
  { operations }: Settings,
  { log, metrics, problems }: OperationsPorts,
): Promise<Operations | undefined> => {
  if (operations === false) return undefined
  const { host, port, explicit } = operations
  let stopping = false

  /** On loopback only this machine's own names: a page of a browser on it could otherwise read us under a name of its own. */
  const named = (name: string | undefined): boolean => {
    if (!loopback.has(host)) return true
    const [, own] = /^(\[[^\]]*\]|[^:]*)(?::[0-9]+)?$/.exec(name ?? '') ?? []
    return own !== undefined && loopback.has(own.toLowerCase().replace(/^\[|\]$/g, ''))
  }

  const pageOf = async (method: string | undefined, url: string | undefined): Promise<Page> => {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'method not allowed' }
    switch (url?.split('?', 1)[0]) {
      case '/livez':
        return { status: 200, text: 'ok' }
      case '/readyz': {
        const found = stopping ? ['stopping'] : await problems()
        return found.length === 0
          ? { status: 200, text: 'ok' }
          : { status: 503, text: `not ready: ${found.join('; ')}` }
      }
      case '/metrics':
        return { status: 200, text: metrics.render().trimEnd(), type: 'text/plain; version=0.0.4; charset=utf-8' }
      default:
        return { status: 404, text: 'not found' }
    }
  }

  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      const page = named(request.headers.host)
        ? pageOf(request.method, request.url)
        : Promise.resolve<Page>({ status: 403, text: 'forbidden' })
      page
        .catch((error: unknown): Page => {
          log('error', 'operations.fault', { error })
          return { status: 503, text: 'not ready' }
        })
        .then(({ status, text, type = 'text/plain; charset=utf-8' }) => {
          response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(`${text}\n`)
        })
    },
  )
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once('error', resolve)
    server.listen(port, host, () => resolve(undefined))
  })
  if (failure !== undefined) {
    const message = `cannot listen on ${host}:${port} for operations: ${failure.code}`
    if (explicit) throw new ExitError('unreachable', message, { cause: failure })
    log('warn', 'operations.off', { reason: message })
    return undefined
  }
  server.unref()
  log('info', 'operations.ready', { url: `http://${host}:${(server.address() as AddressInfo).port}` })
  return {
    notReady() {
      stopping = true
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
