import { connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { administer, call, createKey, eventually, post, request, start, textOf } from './support.ts'

const everything = fileURLToPath(
  new URL('../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
)

const config = (upstreams: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  'portcullis.yaml': JSON.stringify({ upstreams, ...more }),
})
const names = async (url: string, key: string): Promise<string[]> => {
  const { body } = await post(url, key, request('tools/list'))
  return body.result.tools.map(({ name }: { name: string }) => name)
}

describe('upstreams', () => {
  it('stand behind one endpoint beside the built-in tools, by stdio and by HTTP, each under its name', async () => {
    const inner = await start()
    const outer = await start({
      files: config({
        everything: { command: process.execPath, args: [everything], env: { MARK: 'given' }, isolation: 'shared' },
        inner: { url: inner.url, headers: { 'X-API-Key': inner.key() } },
      }),
      env: { TEST_SECRET_OF_OURS: 'not for upstreams' },
    })
    const key = outer.key()
    const all = await eventually(async () => {
      const found = await names(outer.url, key)
      return found.includes('inner__echo') && found.includes('everything__echo') ? found : undefined
    })
    expect(all).toContain('hello_world')
    expect(textOf(await post(outer.url, key, call('everything__echo', { message: 'over stdio' })))).toContain(
      'over stdio',
    )
    expect(textOf(await post(outer.url, key, call('inner__echo', { message: 'over HTTP' })))).toBe('over HTTP')
    expect(textOf(await post(outer.url, key, call('echo', { message: 'here' })))).toBe('here')
    // The inner server knows the gateway, not its clients: no credential is passed on.
    const about = JSON.parse(textOf(await post(outer.url, key, call('inner__debug_info'))))
    expect(about.principal.id).not.toBe(JSON.parse(textOf(await post(outer.url, key, call('debug_info')))).principal.id)
    const environment = all.find((name) => /everything__.*env/i.test(name))
    if (environment !== undefined) {
      const shown = textOf(await post(outer.url, key, call(environment)))
      expect(shown).toContain('given')
      expect(shown).not.toContain('not for upstreams')
    }
    const resources = await post(outer.url, key, request('resources/list'))
    const uris: string[] = resources.body.result.resources.map(({ uri }: { uri: string }) => uri)
    expect(uris.length).toBeGreaterThan(0)
    expect(uris.every((uri) => uri.startsWith('everything+'))).toBe(true)
  })

  it('are decided on as server/name, by grants, rules and arguments', async () => {
    const inner = await start()
    const server = await start({
      files: config(
        { inner: { url: inner.url, headers: { 'X-API-Key': inner.key() } } },
        {
          policy: { rules: [{ match: 'tool:inner/echo', arguments: { message: ['ok-*'] } }] },
          validation: { tools: { 'inner/hello_world': { '/name': { kind: 'path', root: '/data' } } } },
        },
      ),
    })
    const some = createKey(server.dir, 'some', 'inner/echo', 'inner/hello_world')
    const local = createKey(server.dir, 'local', '*', '!inner/*')
    await eventually(async () => (await names(server.url, some)).length === 2)
    expect(await names(server.url, some)).toEqual(expect.arrayContaining(['inner__echo', 'inner__hello_world']))
    expect((await post(server.url, some, call('inner__echo', { message: 'ok-1' }))).status).toBe(200)
    expect((await post(server.url, some, call('inner__echo', { message: 'no' }))).status).toBe(403)
    expect((await post(server.url, some, call('echo', { message: 'ok-1' }))).status).toBe(403)
    expect((await names(server.url, local)).some((name) => name.startsWith('inner__'))).toBe(false)
    const outside = await post(server.url, some, call('inner__hello_world', { name: '/etc/passwd' }))
    expect(outside.body.result).toMatchObject({ isError: true })
    expect(textOf(outside)).toContain('argument.outside_root')
    expect(
      (await post(server.url, some, call('inner__hello_world', { name: '/data/a' }))).body.result.isError,
    ).toBeUndefined()
  })

  it('that is lost is 503, and found again when it is back', async () => {
    const inner = await start()
    const sockets = new Set<Socket>()
    /** The way to the inner server, which can be cut. */
    const way = createServer((socket) => {
      const onward = connect(Number(new URL(inner.url).port), '127.0.0.1')
      for (const one of [socket, onward]) {
        sockets.add(one)
        one.on('error', () => {})
      }
      socket.pipe(onward).pipe(socket)
    })
    const listen = (port: number) => new Promise<void>((resolve) => void way.listen(port, '127.0.0.1', resolve))
    await listen(0)
    const { port } = way.address() as { port: number }
    const server = await start({
      files: config({ inner: { url: `http://127.0.0.1:${port}/mcp`, headers: { 'X-API-Key': inner.key() } } }),
    })
    const key = server.key()
    const echo = () => post(server.url, key, call('inner__echo', { message: 'x' }))
    expect((await echo()).status).toBe(200)
    const closed = new Promise((resolve) => way.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
    const lost = await echo()
    expect(lost.status === 503 || lost.body.error !== undefined).toBe(true)
    expect((await echo()).status).toBe(503)
    await listen(port)
    await eventually(async () => (await echo()).status === 200, 15_000)
    way.close()
    for (const socket of sockets) socket.destroy()
  })

  it('that is down is 503, and all others go on', async () => {
    const server = await start({
      files: config({
        gone: { url: 'http://127.0.0.1:1/mcp' },
        broken: { command: process.execPath, args: ['-e', 'process.exit(3)'] },
      }),
    })
    const key = server.key()
    expect(await names(server.url, key)).toEqual(['hello_world', 'echo', 'get_time', 'debug_info'])
    expect((await post(server.url, key, call('gone__x'))).status).toBe(503)
    expect((await post(server.url, key, call('broken__x'))).status).toBe(503)
    expect((await post(server.url, key, call('get_time'))).status).toBe(200)
    expect(administer(server.dir, 'audit', 'verify').code).toBe(0)
  })
})
