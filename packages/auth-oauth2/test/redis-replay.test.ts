import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type RedisReplayConnection, type RedisReplayStore, redisReplayStore } from '../src/redis.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let server: RedisServer
const opened: RedisReplayStore[] = []
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  await server.stop()
})
const open = (more: RedisReplayConnection = {}, clock?: () => number) => {
  const options = clock === undefined ? {} : { clock }
  const store = redisReplayStore({ url: server.url, commandTimeoutMs: 5000, ...more }, options)
  opened.push(store)
  return store
}
const use = (id: string, ttlMs = 60_000) => ({ owner: 'key', id, expiresAtMs: Date.now() + ttlMs })

test('of many claims in many processes one is the first', async () => {
  const stores = [open(), open(), open()]
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, nth) => (stores[nth % 3] as RedisReplayStore).claim(use('a'))),
  )
  expect(outcomes.filter(Boolean).length).toBe(1)
  expect(await open().claim(use('b'))).toBe(true)
})

test('what is kept ends by itself', async () => {
  await open().claim(use('a', 60_000))
  const ttl = Number(await server.cli('PTTL', 'portcullis:dpop:a'))
  expect(ttl > 0 && ttl <= 60_000).toBe(true)
})

test('a client of the caller is taken, and left alone', async () => {
  const client = new Redis(server.url)
  const store = redisReplayStore(client)
  opened.push(store)
  await vi.waitFor(async () => expect(await store.claim(use(String(Math.random())))).toBe(true))
  await store.close()
  expect(await client.ping()).toBe('PONG')
  client.disconnect()
})

test('while Redis is away nobody is the first', async () => {
  const store = open({ commandTimeoutMs: 200 })
  expect(await store.claim(use('a'))).toBe(true)
  await server.stop()
  await expect(store.claim(use('b'))).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNAVAILABLE',
    fault: 'unavailable',
    retryAfterMs: expect.any(Number),
  })
})

test('settings that make no sense are refused', () => {
  const invalid = expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' })
  expect(() => redisReplayStore({ url: 'redis://10.0.0.1:6379' })).toThrow(invalid)
  expect(() => redisReplayStore({ url: 'http://x' })).toThrow(invalid)
  expect(() => redisReplayStore({ url: server.url, more: 1 } as never)).toThrow(invalid)
  expect(() => redisReplayStore({ url: server.url }, { namespace: 'a b' })).toThrow(invalid)
})
