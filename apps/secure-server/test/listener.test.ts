import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { certify } from './certificate.ts'
import { call, createKey, eventually, post, run, start, temporary, write } from './support.ts'

const overTls = (url: string, key: string, options: RequestOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': key }
    const request = httpsRequest(url, { ...options, method: 'POST', headers, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode as number))
    })
    request.on('error', reject)
    request.end(JSON.stringify(call('get_time')))
  })

describe('listen.tls', () => {
  const authority = certify('test authority')
  const server = certify('localhost', authority)
  const files = (tls: Record<string, string>) => ({
    'portcullis.yaml': JSON.stringify({ listen: { tls } }),
    'tls.pem': server.cert,
    'tls.key': server.key,
    'ca.pem': authority.cert,
  })

  it('speaks HTTPS', async () => {
    const running = await start({ files: files({ cert: 'tls.pem', key: 'tls.key' }) })
    expect(running.url).toMatch(/^https:/)
    expect(await overTls(running.url, running.key(), { ca: authority.cert })).toBe(200)
    await expect(overTls(running.url, running.key(), {})).rejects.toThrow()
    await expect(fetch(running.url.replace('https:', 'http:'))).rejects.toThrow()
  })

  it('with clientCa lets nobody connect who has no certificate of it', async () => {
    const running = await start({ files: files({ cert: 'tls.pem', key: 'tls.key', clientCa: 'ca.pem' }) })
    const [own, foreign] = [certify('client', authority), certify('client', certify('another authority'))]
    const { cert, key } = own
    expect(await overTls(running.url, running.key(), { ca: authority.cert, cert, key })).toBe(200)
    expect(await overTls(running.url, 'no key', { ca: authority.cert, cert, key })).toBe(401)
    await expect(overTls(running.url, running.key(), { ca: authority.cert })).rejects.toThrow()
    await expect(
      overTls(running.url, running.key(), { ca: authority.cert, cert: foreign.cert, key: foreign.key }),
    ).rejects.toThrow()
  })

  it('keeps nobody who never finishes a handshake, while it runs and when it stops', async () => {
    const running = await start({ files: files({ cert: 'tls.pem', key: 'tls.key' }) })
    const port = Number(new URL(running.url).port)
    const silent = await Promise.all(
      Array.from(
        { length: 30 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket))
            socket.on('error', () => {})
          }),
      ),
    )
    const ended = Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume())))
    // Some say something that is no handshake, the rest nothing at all.
    for (const socket of silent.slice(0, 10)) socket.write('GET / HTTP/1.1\r\n\r\n')
    await ended
    const late = connect(port, '127.0.0.1')
    late.on('error', () => {})
    await new Promise((resolve) => late.once('connect', resolve))
    const stopped = running.stop()
    late.destroy()
    expect(await stopped).toBe(0)
  }, 40_000)

  it.each<[string, (dir: string) => void]>([
    ['is not there', () => {}],
    ['others can read', (dir) => void write(`${dir}/tls.key`, server.key, 0o644)],
    ['is no key', (dir) => void write(`${dir}/tls.key`, 'nonsense')],
    ['is another’s', (dir) => void write(`${dir}/tls.key`, authority.key)],
  ])('ends with 78 for a key that %s', (_name, prepare) => {
    const cwd = temporary()
    write(`${cwd}/tls.pem`, server.cert)
    write(`${cwd}/c.yaml`, 'listen: { tls: { cert: tls.pem, key: tls.key } }')
    prepare(cwd)
    const ended = run(['--config', 'c.yaml', '--port', '0'], { cwd })
    expect(ended.code).toBe(78)
    expect(ended.stderr).toMatch(/^portcullis-server: .*tls/)
    expect(ended.stderr).not.toContain('PRIVATE KEY')
  })
})

describe('CORS', () => {
  const config = { 'portcullis.yaml': JSON.stringify({ listen: { allowedOrigins: ['https://app.example.com'] } }) }

  it('answers a preflight of an allowed page with every header that a client sends, and of no other', async () => {
    const { url } = await start({ files: config })
    const preflight = (origin: string) =>
      fetch(url, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization, mcp-param-region, x-other',
        },
      })
    const allowed = await preflight('https://app.example.com')
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    const headers = allowed.headers.get('access-control-allow-headers')?.toLowerCase().split(', ')
    for (const name of [
      'authorization',
      'content-type',
      'mcp-session-id',
      'mcp-protocol-version',
      'mcp-method',
      'mcp-name',
    ]) {
      expect(headers).toContain(name)
    }
    expect(headers).toEqual(expect.arrayContaining(['x-api-key', 'mcp-param-region']))
    expect(headers).not.toContain('x-other')
    const foreign = await preflight('https://evil.example.com')
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null])
  })

  it('lets the page read what it needs, and says so on refusals too', async () => {
    const { url, key } = await start({ files: config })
    for (const own of [key(), undefined]) {
      const { headers } = await post(url, own, call('get_time'), { origin: 'https://app.example.com' })
      expect(headers.get('access-control-allow-origin')).toBe('https://app.example.com')
      expect(headers.get('access-control-expose-headers')).toContain('WWW-Authenticate')
      expect(headers.get('vary')).toContain('Origin')
    }
  })
})

describe('the operations listener', () => {
  const operationsOf = (errors: string): string =>
    /"event":"operations.ready","url":"([^"]+)"/.exec(errors)?.[1] as string

  it('counts decisions, refusals and time, by labels that callers cannot choose', async () => {
    const server = await start()
    const ops = operationsOf(server.errors())
    const limited = createKey(server.dir, 'limited', 'get_time')
    await eventually(async () => (await post(server.url, limited, call('get_time'))).status === 200)
    await post(server.url, limited, call('echo', { message: 'secret words' }))
    await post(server.url, limited, { jsonrpc: '2.0', id: 1, method: 'made/up"\n# HELP x', params: {} })
    await post(server.url, 'nonsense', call('get_time'))
    const page = await eventually(async () => {
      const text = await (await fetch(`${ops}/metrics`)).text()
      return text.includes('portcullis_refused_total{') ? text : undefined
    })
    expect(page).toMatch(/portcullis_decisions_total\{method="tools\/call",outcome="allowed",reason="none"\} \d+/)
    expect(page).toMatch(/portcullis_decisions_total\{method="tools\/call",outcome="refused",reason="no_grant"\} 1/)
    expect(page).toMatch(/portcullis_decisions_total\{method="other",outcome="refused",reason="method"\} 1/)
    expect(page).toMatch(/portcullis_refused_total\{reason="[a-z_]+"\} 1/)
    expect(page).toMatch(/portcullis_request_duration_seconds_bucket\{le="\+Inf"\} [1-9]/)
    expect(page).toMatch(/portcullis_build_info\{version="[^"]+"\} 1/)
    for (const line of page.trimEnd().split('\n')) {
      expect(line).toMatch(
        /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? [0-9.e+-]+)$/,
      )
    }
    for (const secret of [limited, 'secret words', 'nonsense', 'made/up', 'limited']) expect(page).not.toContain(secret)
  })

  it('answers to the names of this machine alone', async () => {
    const ops = operationsOf((await start()).errors())
    const ask = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const sent = httpRequest(`${ops}/metrics`, { headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode as number)
        })
        sent.on('error', reject).end()
      })
    expect(await Promise.all(['localhost', '127.0.0.1:1', '[::1]:9', 'LOCALHOST'].map(ask))).toEqual([
      200, 200, 200, 200,
    ])
    expect(await Promise.all(['evil.example.com', '127.0.0.1.evil.example', '[::1'].map(ask))).toEqual([403, 403, 403])
  })

  it('is ready until it stops', async () => {
    const server = await start()
    const ops = operationsOf(server.errors())
    expect((await fetch(`${ops}/livez`)).status).toBe(200)
    expect((await fetch(`${ops}/readyz`)).status).toBe(200)
    expect((await fetch(`${ops}/other`)).status).toBe(404)
    expect((await fetch(`${ops}/readyz`, { method: 'POST' })).status).toBe(405)
    expect(await server.stop()).toBe(0)
  })
})
