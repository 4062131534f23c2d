import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttp, jsonOf } from '../src/http/http.ts'
import type { HttpRequest } from '../src/http/http-types.ts'
import { createNodeHttp } from '../src/http/node-http.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

const serve = async (listener: RequestListener): Promise<{ url: URL; sockets: Set<Socket> }> => {
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`), sockets }
}
const get = (url: URL, more: Partial<HttpRequest> = {}): HttpRequest => ({
  url,
  method: 'GET',
  headers: {},
  maxBytes: 1000,
  timeoutMs: 2000,
  repeatable: true,
  ...more,
})

describe.each([
  ['node', undefined],
  ['fetch', fetch],
])('over %s', (_name, over) => {
  test('a body is sent and an answer read', async () => {
    const { url } = await serve((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => response.setHeader('x-y', 'z').end(JSON.stringify({ method: request.method, body })))
    })
    const http = createHttp(over)
    const answer = await http.send(get(url, { method: 'POST', body: 'a=ü' }))
    expect(jsonOf('it', answer)).toEqual({ method: 'POST', body: 'a=ü' })
    expect([answer.header('x-y'), answer.header('x-z')]).toEqual(['z', undefined])
    http.close()
  })

  test('an answer that is too large is cut off while it comes', async () => {
    let sent = 0
    const { url } = await serve((_request, response) => {
      const timer = setInterval(() => {
        sent++
        response.write('x'.repeat(600))
      }, 5)
      response.on('close', () => clearInterval(timer))
    })
    const http = createHttp(over)
    await expect(http.send(get(url))).rejects.toMatchObject({ code: 'ERR_OAUTH2_RESPONSE', fault: 'unavailable' })
    expect(sent).toBeLessThan(100)
    http.close()
  })

  test('no answer, half an answer and a closed connection are outages', async () => {
    const http = createHttp(over)
    const silent = await serve(() => undefined)
    const half = await serve((_request, response) => response.writeHead(200, { 'content-length': '100' }).write('x'))
    const closed = await serve((request) => request.socket.destroy())
    const outage = { code: 'ERR_OAUTH2_UNAVAILABLE', retryAfterMs: expect.any(Number) }
    await expect(http.send(get(silent.url, { timeoutMs: 100 }))).rejects.toMatchObject(outage)
    await expect(http.send(get(half.url, { timeoutMs: 100 }))).rejects.toMatchObject(outage)
    await expect(http.send(get(closed.url))).rejects.toMatchObject(outage)
    http.close()
  })

  test('a redirect is not followed', async () => {
    let asked = 0
    const { url } = await serve((_request, response) => {
      asked++
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    const http = createHttp(over)
    const answer = await http.send(get(url))
    expect([answer.status, asked]).toEqual([302, 1])
    expect(() => jsonOf('it', answer)).toThrow(/answered 302/)
    http.close()
  })
})

test('connections are kept, but not for what must not be sent twice', async () => {
  const { url, sockets } = await serve((_request, response) => response.end('{}'))
  const http = createHttp(undefined)
  for (let i = 0; i < 5; i++) await http.send(get(url))
  expect(sockets.size).toBe(1)
  for (let i = 0; i < 3; i++) await http.send(get(url, { repeatable: false }))
  expect(sockets.size).toBe(4)
  http.close()
})

test('a kept connection that the server closes just then is replaced', async () => {
  let answered = 0
  const { url, sockets } = await serve((request, response) => {
    // The second request of a connection finds it closed.
    if (++answered === 2) request.socket.destroy()
    else response.end('{}')
  })
  const http = createHttp(undefined)
  await http.send(get(url))
  expect((await http.send(get(url))).status).toBe(200)
  expect(sockets.size).toBe(2)
  http.close()
})

test('an answer nobody can read, and statuses', async () => {
  const { url } = await serve((request, response) => {
    const status = Number(new URL(request.url ?? '', url).searchParams.get('status'))
    if (status > 0) response.writeHead(status, { 'retry-after': '7' }).end()
    else response.setHeader('content-encoding', 'gzip').end('x')
  })
  const http = createHttp(undefined)
  await expect(http.send(get(url))).rejects.toMatchObject({ code: 'ERR_OAUTH2_RESPONSE' })
  for (const [status, code] of [
    [503, 'ERR_OAUTH2_UNAVAILABLE'],
    [429, 'ERR_OAUTH2_UNAVAILABLE'],
    [404, 'ERR_OAUTH2_RESPONSE'],
    [204, 'ERR_OAUTH2_RESPONSE'],
  ] as const) {
    const answer = await http.send(get(new URL(`?status=${status}`, url)))
    const error = (() => {
      try {
        return jsonOf('it', answer)
      } catch (caught) {
        return caught
      }
    })()
    expect(error).toMatchObject({ code, ...(code === 'ERR_OAUTH2_UNAVAILABLE' ? { retryAfterMs: 7000 } : {}) })
  }
  http.close()
})

test('an answer that switches protocols ends the request, and nothing waits for it', async () => {
  const { url } = await serve(() => undefined)
  servers.at(-1)?.on('connection', (socket: Socket) => {
    socket.on('error', () => {})
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    )
  })
  const http = createHttp(undefined)
  await expect(http.send(get(url))).rejects.toMatchObject({ code: 'ERR_OAUTH2_RESPONSE' })
  http.close()
})

test('a URL from outside is not asked for what its name leads to', async () => {
  let asked = 0
  const { url } = await serve((_request, response) => {
    asked++
    response.end('{}')
  })
  const http = createHttp(undefined)
  const named = new URL(url.href.replace('127.0.0.1', 'localhost'))
  expect((await http.send(get(named))).status).toBe(200)
  // The connection that is open by now was made without looking, and is not used.
  await expect(http.send(get(named, { foreign: true }))).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  const node = createNodeHttp()
  await expect(node.send(get(named, { foreign: true }))).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  expect(asked).toBe(1)
  for (const one of [http, node]) one.close()
})
