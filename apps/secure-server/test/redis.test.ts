import { startRedis } from '@portcullis-internal/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { administer, call, createKey, eventually, post, start, temporary, write } from './support.ts'

// Servers are started, lost and found again.
vi.setConfig({ testTimeout: 40_000 })

const redis = async (args: readonly string[] = []) => {
  const server = await startRedis({ args })
  onTestFinished(() => server.stop())
  return server
}

/** What replicas share besides Redis. */
const masterKey = { 'master.key': `${'A'.repeat(43)}\n` }
const config = (url: string, more: Record<string, unknown> = {}, redis: Record<string, unknown> = {}) => ({
  'portcullis.yaml': JSON.stringify({ redis: { url, ...redis }, ...more }),
})
/** A machine that runs tests is slow at times: that must not look like an outage. */
const patient = { commandTimeoutMs: 5000 }
const operationsOf = (errors: string): string =>
  /"event":"operations.ready","url":"([^"]+)"/.exec(errors)?.[1] as string
const limitOf = (requests: number) => ({ rateLimit: { api_key: { requests, windowMs: 60_000 } } })

describe('two servers on one Redis', () => {
  it('share keys and revocations: one that is revoked is refused by both within a second', async () => {
    const { url } = await redis()
    const files = { ...masterKey, ...config(url, { auth: { apiKeys: { store: 'redis' } } }, patient) }
    // The first start makes no key where keys are shared and there are none yet.
    const [one, two] = [await start({ files }), await start({ files })]
    const key = createKey(one.dir, 'ci', 'get_time')
    for (const server of [one, two]) {
      await eventually(async () => (await post(server.url, key, call('get_time'))).status === 200)
      expect((await post(server.url, key, call('echo', { message: 'x' }))).status).toBe(403)
    }
    expect(administer(two.dir, 'keys', 'list').stdout).toContain('ci')
    expect(administer(two.dir, 'keys', 'revoke', 'ci', '--yes').code).toBe(0)
    for (const server of [one, two]) {
      await eventually(async () => (await post(server.url, key, call('get_time'))).status === 401)
    }
  })

  it('with different master keys: keys of the one are no keys for the other, which is not ready and says why', async () => {
    const { url } = await redis()
    const files = config(url, { auth: { apiKeys: { store: 'redis' } } }, patient)
    const [one, two] = [await start({ files }), await start({ files })]
    const key = createKey(one.dir, 'ci', '*')
    await eventually(async () => (await post(one.url, key, call('get_time'))).status === 200)
    const refused = await post(two.url, key, call('get_time'))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, expect.any(String)])
    const ready = await fetch(`${operationsOf(two.errors())}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('integrity key')])
    expect((await fetch(`${operationsOf(one.errors())}/readyz`)).status).toBe(200)
    expect(administer(two.dir, 'keys', 'list')).toMatchObject({ code: 78, stdout: '' })
  })

  it('share limits: what both allow together is the limit', async () => {
    const { url } = await redis()
    const files = { ...masterKey, ...config(url, limitOf(20), patient) }
    const [one, two] = [await start({ files }), await start({ files })]
    const key = createKey(one.dir, 'ci', 'get_time')
    await eventually(async () => (await post(two.url, key, { jsonrpc: '2.0', id: 1, method: 'ping' })).status === 200)
    const statuses = await Promise.all(
      Array.from(
        { length: 60 },
        async (_, index) => (await post((index % 2 === 0 ? one : two).url, key, call('get_time'))).status,
      ),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.filter((status) => status === 429)).toHaveLength(40)
  })

  it('find keys of the file as well unless they are told not to', async () => {
    const { url } = await redis()
    const cwd = temporary()
    const key = createKey(`${cwd}/config`, 'before', 'get_time')
    const both = await start({ cwd, files: config(url, {}, patient) })
    expect((await post(both.url, key, call('get_time'))).status).toBe(200)
    await both.stop()
    write(
      `${cwd}/config/portcullis.yaml`,
      config(url, { auth: { apiKeys: { store: 'redis' } } }, patient)['portcullis.yaml'],
    )
    const alone = await start({ cwd })
    expect((await post(alone.url, key, call('get_time'))).status).toBe(401)
  })
})

describe('Redis that is not there', () => {
  const absent = 'redis://127.0.0.1:1'

  it('refuses keys of it with 503 and lets those of the file in; limits are counted here', async () => {
    const cwd = temporary()
    const own = createKey(`${cwd}/config`, 'own', 'get_time')
    const server = await start({ cwd, files: config(absent, limitOf(5)) })
    const unknown = await post(server.url, createKey(`${cwd}/other`, 'elsewhere', '*'), call('get_time'))
    expect(unknown.status).toBe(503)
    expect(Number(unknown.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(unknown.body.error.data.code).toBe('PORTCULLIS_UNAVAILABLE')
    const statuses: number[] = []
    for (let index = 0; index < 6; index++) statuses.push((await post(server.url, own, call('get_time'))).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
    expect(server.errors()).toContain('degraded')
  })

  it('never opens, whatever a stranger sends', async () => {
    const server = await start({ files: config(absent, { auth: { apiKeys: { store: 'redis' } } }) })
    for (const key of [undefined, 'nonsense', 'pck_live_x', 'Bearer']) {
      expect([401, 503]).toContain((await post(server.url, key, call('get_time'))).status)
    }
  })

  it('is refused at the start where its traffic could be read, and its password is never shown', async () => {
    const cwd = temporary()
    const { run } = await import('./support.ts')
    const ended = run(['--port', '0'], { cwd, env: { PORTCULLIS_REDIS_URL: 'redis://user:hunter2@redis.example.com' } })
    expect([ended.code, ended.stderr]).toEqual([78, expect.stringMatching(/TLS|rediss/)])
    expect(ended.stderr).not.toContain('hunter2')
    const local = await start({ env: { PORTCULLIS_REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' } })
    await post(local.url, 'pck_live_x', call('get_time'))
    expect(local.errors() + local.output()).not.toContain('hunter2')
  })
})

describe('Redis that goes away while the server runs', () => {
  it.each<[string, 'kill' | 'freeze']>([
    ['killed', 'kill'],
    ['frozen', 'freeze'],
  ])('%s: known keys for less than a second, then 503; limits go on; back again when it is', async (_name, how) => {
    const own = await redis()
    const limits = { auth: { apiKeys: { store: 'redis' } }, ...limitOf(1000) }
    const server = await start({ files: config(own.url, limits) })
    const key = createKey(server.dir, 'ci', 'get_time')
    await eventually(async () => (await post(server.url, key, call('get_time'))).status === 200)
    await own[how]()
    const statuses = new Set<number>()
    await eventually(async () => {
      const { status } = await post(server.url, key, call('get_time'))
      statuses.add(status)
      return status === 503
    })
    // Allowed for a moment or unavailable; never unknown, never somebody else.
    expect([...statuses].every((status) => status === 200 || status === 503)).toBe(true)
    expect((await post(server.url, 'pck_live_nonsense', call('get_time'))).status).not.toBe(200)
    if (how === 'freeze') own.thaw()
    else await own.restart()
    if (how === 'kill') {
      // It kept nothing: its keys are gone, and nobody is let in by what was known before.
      await eventually(async () => (await post(server.url, key, call('get_time'))).status === 401, 10_000)
    } else {
      await eventually(async () => (await post(server.url, key, call('get_time'))).status === 200, 10_000)
    }
  })

  it('limits fail as they are told to', async () => {
    for (const [onStoreFailure, expected] of [
      ['local', [200, 429]],
      ['open', [200, 200]],
      ['closed', [503, 503]],
    ] as const) {
      const own = await redis()
      const server = await start({
        files: config(own.url, {
          auth: { apiKeys: { store: 'file' } },
          rateLimit: { onStoreFailure, api_key: { requests: 3, windowMs: 60_000 } },
        }),
      })
      const key = createKey(server.dir, 'ci', 'get_time')
      await eventually(
        async () => (await post(server.url, key, { jsonrpc: '2.0', id: 1, method: 'ping' })).status === 200,
      )
      await own.kill()
      const statuses: number[] = []
      for (let index = 0; index < 8; index++) statuses.push((await post(server.url, key, call('get_time'))).status)
      expect([onStoreFailure, statuses[0], statuses.at(-1)]).toEqual([onStoreFailure, ...expected])
      await server.stop()
    }
  })
})

describe('/readyz', () => {
  it('fails while Redis could drop revocations to make room', async () => {
    const own = await redis()
    const server = await start({ files: config(own.url, {}, patient) })
    const ready = async () => (await fetch(`${operationsOf(server.errors())}/readyz`)).status
    await eventually(async () => (await ready()) === 200)
    await own.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await eventually(async () => (await ready()) === 503, 20_000)
    await own.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await eventually(async () => (await ready()) === 200, 20_000)
  })
})
