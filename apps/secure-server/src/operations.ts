import type { GuardLog } from '@portcullis/guard'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Settings } from './config/settings.ts'
import { ExitError } from './exit.ts'

/** The listener for whoever runs the server: `/livez` answers while the process does, `/readyz` while it takes requests. */
export interface Operations {
  notReady(): void
  close(): Promise<void>
}

/** `undefined` when it is off, or when nobody asked for the port and it is taken. */
export const serveOperations = async ({ operations }: Settings, log: GuardLog): Promise<Operations | undefined> => {
  if (operations === false) return undefined
  const { host, port, explicit } = operations
  let ready = true
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      const known = request.method === 'GET' || request.method === 'HEAD'
      const status = !known ? 405 : request.url === '/livez' ? 200 : request.url !== '/readyz' ? 404 : ready ? 200 : 503
      const text = { 200: 'ok', 404: 'not found', 405: 'method not allowed', 503: 'not ready' }[status]
      response
        .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
        .end(`${text}\n`)
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
      ready = false
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
