import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ApiKeys, createApiKeys } from '../src/index.ts'
import { type RedisKeyStore, type RedisStoreEvent, type RedisStoreOptions, redisStore } from '../src/redis.ts'

let server: RedisServer
const ends: (() => unknown)[] = []
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()))
  await server.stop()
})

/** As one process of several has it; patient, because a machine that runs tests is slow at times. */
const open = (options: RedisStoreOptions = {}, url = server.url) => {
  const events: RedisStoreEvent[] = []
  const store = redisStore(
    { url, commandTimeoutMs: 2000 },
    { onEvent: (event) => events.push(event), maxStaleMs: 5000, ...options },
  )
  ends.push(() => store.close())
  return { store, keys: createApiKeys({ store }), events }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** What a caller with the key gets at the moment: `ok`, the reason of a refusal or the code of a failure. */
const outcome = async (keys: ApiKeys, key: string): Promise<string> => {
  try {
    const result = await keys.verify(key)
    return result.ok ? 'ok' : result.reason
  } catch (error) {
    expect(error).toMatchObject({ name: 'ApiKeyError', fault: 'unavailable' })
    return (error as { code: string }).code
  }
}
const becomes = (keys: ApiKeys, key: string, expected: string, timeout = 5000) =>
  vi.waitFor(async () => expect(await outcome(keys, key)).toBe(expected), { timeout, interval: 5 })

/** One process that made a key, another that has used it, so that it is in its memory. */
const two = async (options: RedisStoreOptions = {}) => {
  const admin = open(options)
  const user = open(options)
  const { key, record } = await admin.keys.create({ name: 'ci', grants: ['*'] })
  await becomes(user.keys, key, 'ok')
  return { admin, user, key, record }
}
const hashOf = (part: string) => `{portcullis:api-keys}:${part}`
/** Every store has as many subscriptions as it will have, and has read anew what it read before that. */
const subscribed = async (count: number) => {
  await vi.waitFor(
    async () => expect(await server.cli('PUBSUB', 'NUMSUB', hashOf('changes'))).toEqual([hashOf('changes'), count]),
    { timeout: 5000 },
  )
  await sleep(100)
}

describe('a revocation by another process', () => {
  test('takes effect', async () => {
    const { admin, user, key } = await two()
    expect(user.keys.verify(key)).not.toBeInstanceOf(Promise)
    await admin.keys.revoke('ci')
    await becomes(user.keys, key, 'revoked', 3000)
  })

  test('by the push alone', async () => {
    const { admin, user, key } = await two({ pollMs: 60_000, maxStaleMs: 60_000 })
    await subscribed(2)
    await becomes(user.keys, key, 'ok')
    await admin.keys.revoke('ci')
    await becomes(user.keys, key, 'revoked', 3000)
  })

  test('by the poll alone: its subscription was cut and cannot come back', async () => {
    const { admin, user, key } = await two()
    await server.cli('ACL', 'SETUSER', 'default', '-subscribe')
    await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await subscribed(0)
    await becomes(user.keys, key, 'ok')
    await admin.keys.revoke('ci')
    await becomes(user.keys, key, 'revoked', 3000)
  })

  test('while its subscription was being made anew', async () => {
    const { admin, user, key } = await two({ pollMs: 60_000, maxStaleMs: 60_000 })
    await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await admin.keys.revoke('ci')
    await becomes(user.keys, key, 'revoked', 2000)
  })

  test('and one by this process at once, whatever was asked before', async () => {
    const { admin, key } = await two()
    const before = admin.keys.verify(key)
    await admin.keys.revoke('ci')
    expect(await outcome(admin.keys, key)).toBe('revoked')
    await before
    expect(await outcome(admin.keys, key)).toBe('revoked')
  })

  test('reaches a process of its own', { timeout: 60_000 }, async () => {
    const { admin, key } = await two()
    const lib = (name: string) => JSON.stringify(new URL(`../dist/${name}.js`, import.meta.url).href)
    const code = `import { createApiKeys } from ${lib('index')}
import { redisStore } from ${lib('redis')}
const store = redisStore({ url: ${JSON.stringify(server.url)} })
const keys = createApiKeys({ store })
let last
for (const end = Date.now() + 30_000; Date.now() < end && last !== 'revoked'; ) {
  const result = await keys.verify(${JSON.stringify(key)})
  const now = result.ok ? 'ok' : result.reason
  if (now !== last) console.log((last = now))
  await new Promise((resolve) => setTimeout(resolve, 5))
}
await store.close()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    ends.push(() => child.kill('SIGKILL'))
    let text = ''
    child.stdout.on('data', (chunk) => (text += String(chunk)))
    const closed = once(child, 'close')
    await vi.waitFor(() => expect(text).toBe('ok\n'), { timeout: 15_000 })
    await admin.keys.revoke('ci')
    // Within a second, which other tests measure by when a use began: when its words come here depends on the machine.
    await vi.waitFor(() => expect(text).toBe('ok\nrevoked\n'), { timeout: 15_000 })
    // Nothing of ours keeps it alive after close.
    await closed
    expect(child.exitCode).toBe(0)
  })
})

describe('when Redis does not answer', () => {
  test('frozen: keys in memory until they are stale, then none; unknown keys never "unknown"', {
    timeout: 30_000,
  }, async () => {
    const { user, key } = await two({ maxStaleMs: 2000 })
    const other = (await user.keys.create({ name: 'other', grants: [] })).key
    const stranger = open({ maxStaleMs: 2000 })
    await stranger.store.ready
    await subscribed(3)
    await becomes(user.keys, key, 'ok')
    server.freeze()
    expect(await outcome(user.keys, key)).toBe('ok')
    expect(await outcome(stranger.keys, other)).toBe('ERR_APIKEY_STORE')
    await sleep(2200)
    expect(await outcome(user.keys, key)).toBe('ERR_APIKEY_STORE')
    expect(await outcome(user.keys, other)).toBe('ERR_APIKEY_STORE')
    await expect(user.keys.list()).rejects.toMatchObject({ fault: 'unavailable', retryAfterMs: 1000 })
    await expect(user.keys.revoke('ci')).rejects.toMatchObject({ fault: 'unavailable' })
    server.thaw()
    await becomes(user.keys, key, 'ok')
    await becomes(stranger.keys, other, 'ok')
    await vi.waitFor(() => expect(user.events.map((event) => event.type)).toEqual(['degraded', 'recovered']), {
      timeout: 5000,
    })
  })

  test('killed and back with nothing: no key is accepted', async () => {
    const { user, key } = await two()
    await server.kill()
    expect(['ok', 'ERR_APIKEY_STORE']).toContain(await outcome(user.keys, key))
    await server.restart()
    await becomes(user.keys, key, 'unknown', 3000)
  })

  test('absent from the start', async () => {
    await server.kill()
    const { keys, events } = open()
    const { key } = await createApiKeys({ store: open({ namespace: 'x' }).store })
      .create({ name: 'a', grants: [] })
      .catch(() => ({ key: undefined }))
    expect(key).toBe(undefined)
    const text = `pck_live_${'0'.repeat(12)}${'1'.repeat(43)}`
    expect(await outcome(keys, 'sk-some-foreign-key')).toBe('ERR_APIKEY_STORE')
    expect(await outcome(keys, `${text}000000`)).toBe('malformed')
    expect(events).toMatchObject([{ type: 'degraded' }])
    await server.restart()
    await becomes(keys, 'sk-some-foreign-key', 'unknown')
  })

  test('a process that was busy for longer than maxStaleMs asks before it believes its memory', async () => {
    const { admin, user, key } = await two({ pollMs: 60_000, maxStaleMs: 900 })
    await server.cli('ACL', 'SETUSER', 'default', '-subscribe')
    await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await sleep(100)
    await becomes(user.keys, key, 'ok')
    await admin.keys.revoke('ci')
    for (const begun = performance.now(); performance.now() - begun < 1000; );
    expect(await outcome(user.keys, key)).toBe('revoked')
  })

  test('after close', async () => {
    const { user, key } = await two()
    await user.store.close()
    await user.store.close()
    expect(await outcome(user.keys, key)).toBe('ERR_APIKEY_STORE')
  })
})

describe('an epoch that goes back', () => {
  test('FLUSHALL: nothing is accepted', async () => {
    const { user, key } = await two()
    await server.cli('FLUSHALL')
    await becomes(user.keys, key, 'unknown', 3000)
  })

  test('an older state, as after a failover, with the same count as now', async () => {
    const { admin, user, key, record } = await two()
    const older = await server.cli('HGET', hashOf('records'), record.id)
    const epoch = (await server.cli('GET', hashOf('epoch'))) as string
    await admin.keys.revoke('ci')
    await becomes(user.keys, key, 'revoked', 3000)
    const count = Number(((await server.cli('GET', hashOf('epoch'))) as string).split('.')[0])
    expect(count).toBe(Number(epoch.split('.')[0]) + 1)
    await server.cli('HSET', hashOf('records'), record.id, String(older))
    await server.cli('SET', hashOf('epoch'), `${count}.another-history`)
    await becomes(user.keys, key, 'ok', 3000)
  })
})

describe('a key that is made elsewhere', () => {
  test('is good at once, also after it was asked for in vain', async () => {
    const { admin, user } = await two()
    expect(await outcome(user.keys, 'sk-foreign-1234')).toBe('unknown')
    expect(user.keys.verify('sk-foreign-1234')).not.toBeInstanceOf(Promise)
    await admin.keys.importPlain({ name: 'foreign', key: 'sk-foreign-1234', grants: [] })
    await becomes(user.keys, 'sk-foreign-1234', 'ok', 3000)
    const { key } = await admin.keys.create({ name: 'new', grants: [] })
    expect(await outcome(user.keys, key)).toBe('ok')
  })

  test('a flood of made-up keys drives out no key that exists', async () => {
    const { user, key } = await two()
    const { store } = user
    for (let i = 0; i < 60_000; i += 3000) {
      await Promise.allSettled(
        Array.from({ length: 3000 }, (_, j) => store.get(`imp-${String(i + j).padStart(16, '0')}`)),
      )
    }
    await becomes(user.keys, key, 'ok')
    expect(user.keys.verify(key)).not.toBeInstanceOf(Promise)
  })
})

describe('with an integrity key', () => {
  const integrityKey = randomBytes(32)

  test('who writes to Redis can make no key, change none and exchange none', async () => {
    const { admin, user, key, record } = await two({ integrityKey, pollMs: 50 })
    const records = hashOf('records')
    const good = String(await server.cli('HGET', records, record.id))
    expect(good).toMatch(/^[A-Za-z0-9_-]{43} \{/)
    const json = good.slice(44)
    const attempts = [
      json,
      good.replace('"grants":["*"]', '"grants":["*","admin:*"]'),
      `${randomBytes(32).toString('base64url')} ${json}`,
      `${' '.repeat(44)}${json}`,
      good.slice(1),
      '',
      '{}',
    ]
    for (const text of attempts) {
      await server.cli('HSET', records, record.id, text)
      await server.cli('SET', hashOf('epoch'), `9.${randomUUID()}`)
      await becomes(user.keys, key, 'ERR_APIKEY_STORE', 1500)
    }
    const other = await admin.keys.create({ name: 'other', grants: [] })
    await server.cli('HSET', records, record.id, String(await server.cli('HGET', records, other.record.id)))
    await server.cli('SET', hashOf('epoch'), `9.${randomUUID()}`)
    await becomes(user.keys, key, 'ERR_APIKEY_STORE', 1500)
    await expect(admin.keys.list()).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
    await server.cli('HSET', records, record.id, good)
    await becomes(user.keys, key, 'ok')
    await server.cli('HSET', hashOf('names'), 'ci', other.record.id)
    await expect(admin.keys.revoke('ci')).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
  })

  test('without it, under another or in another namespace the records are a fault', async () => {
    const { key, record } = await two({ integrityKey })
    expect(await outcome(open({}).keys, key)).toBe('ERR_APIKEY_STORE')
    expect(await outcome(open({ integrityKey: randomBytes(32) }).keys, key)).toBe('ERR_APIKEY_STORE')
    const text = String(await server.cli('HGET', hashOf('records'), record.id))
    await server.cli('HSET', '{test:api-keys}:records', record.id, text)
    expect(await outcome(open({ integrityKey, namespace: 'test' }).keys, key)).toBe('ERR_APIKEY_STORE')
  })

  test('a plain record that is not one is a fault too', async () => {
    const { user, key, record } = await two({ pollMs: 50 })
    for (const text of ['', 'null', '[]', '{}', `{"id":"${record.id}"}`, '{"a":'.repeat(2000)]) {
      await server.cli('HSET', hashOf('records'), record.id, text)
      await server.cli('SET', hashOf('epoch'), `9.${randomUUID()}`)
      await becomes(user.keys, key, 'ERR_APIKEY_STORE', 1500)
    }
  })
})

describe('redisStore', () => {
  test('takes a client of ioredis and leaves it open', async () => {
    const client = new Redis(server.port, { keyPrefix: 'app:' })
    const store = redisStore(client, { label: 'shared', namespace: 'n' })
    await store.ready
    const keys = createApiKeys({ store })
    const { key } = await keys.create({ name: 'a', grants: [] })
    expect(await keys.verify(key)).toMatchObject({ principal: { id: expect.stringMatching(/^api_key:shared::/) } })
    await store.close()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
    expect(((await server.cli('KEYS', '*')) as string[]).sort()).toEqual(
      ['epoch', 'families', 'names', 'records'].map((part) => `{n:api-keys}:${part}`),
    )
    for (const name of (await server.cli('KEYS', '*')) as string[]) expect(await server.cli('PTTL', name)).toBe(-1)
  })

  test('keeps no text of a key', async () => {
    const { key } = await two()
    const dump = JSON.stringify(await server.cli('HGETALL', hashOf('records')))
    expect(dump).toContain('"ci\\"')
    expect(dump).not.toContain(key.slice(21, 64))
  })

  test('names an eviction policy that may drop a revocation, and a server that is silent', async () => {
    const { store } = open()
    expect(await store.problems()).toEqual([])
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu')
    expect(await store.problems()).toEqual([expect.stringContaining('"allkeys-lfu"')])
    server.freeze()
    expect(await store.problems()).toHaveLength(1)
    server.thaw()
  })

  test('lists many keys, each once', async () => {
    const { keys, store } = open()
    const made = await Promise.all(Array.from({ length: 700 }, (_, i) => keys.create({ name: `k${i}`, grants: [] })))
    expect((await store.list()).map((one) => one.id).sort()).toEqual(made.map(({ record }) => record.id).sort())
  })

  test.each([
    ['unknown option "uri"', { uri: 'redis://localhost' }, {}],
    ['takes an object', null, {}],
    ['either url or client', {}, {}],
    ['without TLS', { url: 'redis://:hush-hush@example.com' }, {}],
    ['commandTimeoutMs', { url: 'redis://localhost', commandTimeoutMs: 0 }, {}],
    ['unknown option "lable"', { url: 'redis://localhost' }, { lable: 'x' }],
    ['label', { url: 'redis://localhost' }, { label: '' }],
    ['namespace', { url: 'redis://localhost' }, { namespace: '{x}' }],
    ['maxStaleMs', { url: 'redis://localhost' }, { maxStaleMs: -1 }],
    ['pollMs', { url: 'redis://localhost' }, { pollMs: 0 }],
    ['integrityKey', { url: 'redis://localhost' }, { integrityKey: randomBytes(31) }],
    ['integrityKey', { url: 'redis://localhost' }, { integrityKey: 'x'.repeat(32) }],
    ['clock', { url: 'redis://localhost' }, { clock: 5 }],
    ['onEvent', { url: 'redis://localhost' }, { onEvent: 5 }],
  ])('refuses: %s', (problem, connection, options) => {
    const attempt = () => redisStore(connection as never, options as never) as RedisKeyStore
    expect(attempt).toThrow(problem)
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_APIKEY_OPTION' }))
    expect(attempt).not.toThrow('hush-hush')
  })
})
