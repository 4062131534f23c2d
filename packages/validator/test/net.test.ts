import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import {
  createSafeFetch,
  createSafeLookup,
  resolveInside,
  type SafeFetchOptions,
  type SafeLookupOptions,
} from '../src/net.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
const serve = async (listener: RequestListener): Promise<number> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
const blocked = expect.objectContaining({ code: 'ERR_VALIDATOR_BLOCKED' })
/** Names of a test, and what they resolve to. */
const names: Record<string, string[]> = {
  'site.example': ['127.0.0.1'],
  'other.example': ['127.0.0.1'],
  'public.example': ['93.184.216.34'],
  'meta.example': ['169.254.169.254'],
  'mixed.example': ['93.184.216.34', '10.0.0.1'],
  'mapped.example': ['::ffff:10.0.0.1'],
  'nat64.example': ['64:ff9b::a9fe:a9fe'],
  'none.example': [],
}
const resolve: NonNullable<SafeLookupOptions['resolve']> = (name) =>
  Promise.resolve((names[name] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))

describe('createSafeLookup', () => {
  const ask = (host: string, options: SafeLookupOptions = {}, all = false) =>
    new Promise((done, failed) =>
      createSafeLookup({ resolve, ...options })(host, { all }, (error, address, family) =>
        error ? failed(error) : done(all ? address : [address, family]),
      ),
    )

  it('answers public addresses, one or all', async () => {
    expect(await ask('public.example')).toEqual(['93.184.216.34', 4])
    expect(await ask('public.example', {}, true)).toEqual([{ address: '93.184.216.34', family: 4 }])
    expect(await ask('8.8.8.8')).toEqual(['8.8.8.8', 4])
  })

  it.each([
    'meta.example',
    'mixed.example',
    'mapped.example',
    'nat64.example',
    'localhost',
    'metadata.google.internal',
    'intranet',
    '127.0.0.1',
    '::1',
    '169.254.169.254',
    '10.0.0.1.nip.io',
  ])('refuses %s', async (host) => {
    await expect(ask(host)).rejects.toEqual(blocked)
  })

  it('a name may be private where that is said', async () => {
    expect(await ask('meta.example', { allowPrivate: ['*.example'] })).toEqual(['169.254.169.254', 4])
    await expect(ask('meta.example', { allowPrivate: ['site.example'] })).rejects.toEqual(blocked)
  })

  it('a name without addresses is an error of the network', async () => {
    await expect(ask('none.example')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  it('is the lookup of a socket, which connects to what was checked', async () => {
    const port = await serve((_request, response) => response.end('ok'))
    let asked = 0
    const rebinding: typeof resolve = () =>
      Promise.resolve([{ address: asked++ === 0 ? '127.0.0.1' : '10.9.9.9', family: 4 }])
    const socket = connect({
      host: 'site.example',
      port,
      lookup: createSafeLookup({ allowPrivate: ['site.example'], resolve: rebinding }) as never,
    })
    await once(socket, 'connect')
    expect(socket.remoteAddress).toBe('127.0.0.1')
    expect(asked).toBe(1)
    socket.destroy()
    const refused = connect({ host: 'meta.example', port, lookup: createSafeLookup({ resolve }) as never })
    const [error] = await once(refused, 'error')
    expect(error).toEqual(blocked)
  })
})

describe('createSafeFetch', () => {
  const make = (options: SafeFetchOptions = {}) =>
    createSafeFetch({ resolve, allowPrivate: ['site.example', 'other.example'], ...options })

  it('fetches, and says from where', async () => {
    const port = await serve((request, response) =>
      response.end(`${request.headers['accept-encoding']} ${request.headers['x-a']}`),
    )
    const answer = await make()(`http://site.example:${port}/a`, { headers: { 'X-A': '1' } })
    expect(answer).toMatchObject({ status: 200, url: `http://site.example:${port}/a` })
    expect(Buffer.from(answer.body).toString()).toBe('identity 1')
  })

  it.each([
    'http://127.0.0.1:9/',
    'http://[::1]:9/',
    'http://meta.example/',
    'http://user@site.example/',
    'file:///etc/passwd',
    'http://0x7f000001/',
    'http://localhost:9/',
    'gopher://site.example/',
    '/relative',
    'http://%31%32%37.0.0.1/',
  ])('refuses %s', async (url) => {
    await expect(make()(url)).rejects.toEqual(blocked)
  })

  it('checks every redirect like the first URL', async () => {
    for (const location of [
      'http://meta.example/',
      'http://127.0.0.1/',
      'file:///etc/passwd',
      '//169.254.169.254/',
      'http://mixed.example/',
    ]) {
      const port = await serve((_request, response) => response.writeHead(302, { location }).end())
      await expect(make()(`http://site.example:${port}/`)).rejects.toEqual(blocked)
    }
  })

  it('follows redirects, but not for ever, and not with the credentials of another host', async () => {
    const seen: (string | undefined)[] = []
    const target = await serve((request, response) => {
      seen.push(request.headers.authorization, request.headers['x-other'] as string)
      response.end('there')
    })
    const first = await serve((_request, response) =>
      response.writeHead(307, { location: `http://other.example:${target}/` }).end(),
    )
    const answer = await make()(`http://site.example:${first}/`, {
      headers: { Authorization: 'Bearer x', 'X-Other': 'y' },
    })
    expect(Buffer.from(answer.body).toString()).toBe('there')
    expect(seen).toEqual([undefined, 'y'])
    const loop = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end())
    await expect(make({ maxRedirects: 3 })(`http://site.example:${loop}/`)).rejects.toEqual(blocked)
  })

  it('ends at the largest body and at the deadline', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/big') response.end('x'.repeat(5000))
    })
    await expect(make({ maxBodyBytes: 1000 })(`http://site.example:${port}/big`)).rejects.toEqual(blocked)
    await expect(make({ timeoutMs: 50 })(`http://site.example:${port}/silent`)).rejects.toMatchObject({
      name: 'TimeoutError',
    })
  })

  it('may be limited to hosts', async () => {
    await expect(make({ hosts: ['site.example'] })('http://public.example/')).rejects.toEqual(blocked)
  })

  it.each([{ maxRedirects: 99 }, { maxBodyBytes: 0 }, { timeoutMs: 0 }, { other: 1 }])(
    'refuses the options %j',
    (options) => {
      expect(() => createSafeFetch(options as never)).toThrow(
        expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }),
      )
    },
  )
})

describe('resolveInside', () => {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-inside-')))
  const root = join(top, 'data')
  mkdirSync(join(root, 'sub'), { recursive: true })
  mkdirSync(join(top, 'outside'))
  writeFileSync(join(root, 'a.txt'), 'a')
  writeFileSync(join(top, 'outside', 'secret'), 's')
  symlinkSync(join(top, 'outside'), join(root, 'way-out'))
  symlinkSync('sub', join(root, 'inner'))
  symlinkSync(join(top, 'nothing', 'there'), join(root, 'dangling'))
  symlinkSync('loop', join(root, 'loop'))
  symlinkSync(root, join(top, 'alias'))
  afterAll(() => rmSync(top, { recursive: true, force: true }))

  it.each([
    ['a.txt', 'a.txt'],
    ['sub/new/file.txt', 'sub/new/file.txt'],
    ['inner/x', 'sub/x'],
    ['./sub//x', 'sub/x'],
    ['', ''],
  ])('%j is %j', async (path, real) => {
    expect(await resolveInside(root, path)).toBe(join(root, real))
  })

  it('takes absolute paths below the directory, and a directory that is a link itself', async () => {
    expect(await resolveInside(root, join(root, 'a.txt'))).toBe(join(root, 'a.txt'))
    expect(await resolveInside('/', join(root, 'a.txt'))).toBe(join(root, 'a.txt'))
    expect(await resolveInside(root, join(top, '.', 'data//sub/./x').replace('/data', '/./data'))).toBe(
      join(root, 'sub/x'),
    )
    expect(await resolveInside(join(top, 'alias'), 'a.txt')).toBe(join(root, 'a.txt'))
    expect(await resolveInside(join(top, 'alias'), join(top, 'alias', 'sub'))).toBe(join(root, 'sub'))
  })

  it.each([
    '../outside/secret',
    'way-out/secret',
    'way-out',
    'inner/../../outside',
    'dangling',
    'dangling/x',
    'loop',
    'a.txt/x',
    '/etc/passwd',
    '%2e%2e/x',
    'a\0b',
    '\\\\host\\share',
    '..\\x',
  ])('refuses %j', async (path) => {
    await expect(resolveInside(root, path)).rejects.toEqual(blocked)
  })
})
