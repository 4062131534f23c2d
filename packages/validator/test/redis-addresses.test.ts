import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRedisAddressGuard, type RedisAddressGuardOptions } from '../src/redis.ts'

let server: RedisServer
const opened: { close(): Promise<void> }[] = []
let count = 0

beforeAll(async () => {
  server = await startRedis()
}, 60_000)
afterAll(() => server?.stop())
afterEach(async () => {
  for (const guard of opened.splice(0)) await guard.close()
})

const namespace = (): string => `t${++count}`
const make = async (options: Partial<RedisAddressGuardOptions> = {}, wait = true) => {
  const guard = createRedisAddressGuard({ url: server.url, commandTimeoutMs: 5000, ...options })
  opened.push(guard)
  if (wait) await guard.ready
  return guard
}
const soon = <T>(check: () => T): Promise<T> => vi.waitFor(check, { timeout: 20_000, interval: 20 })

describe('createRedisAddressGuard', () => {
  it('what one process says holds in the others', async () => {
    const space = namespace()
    const [one, two] = [await make({ namespace: space }), await make({ namespace: space })]
    await one.block('203.0.113.0/24', { reason: 'scan' })
    expect(one.has('203.0.113.7')).toBe(true)
    await soon(() =>
      expect(two.decide('::ffff:203.0.113.7')).toEqual({
        allowed: false,
        why: 'blocked',
        cidr: '203.0.113.0/24',
        reason: 'scan',
      }),
    )
    expect(await two.unblock('203.0.113.0/24')).toBe(true)
    expect(await two.unblock('203.0.113.0/24')).toBe(false)
    await soon(() => expect(one.has('203.0.113.7')).toBe(false))
  })

  it('takes over the settings of a client, and leaves the client alone', async () => {
    const client = new Redis(server.url, { lazyConnect: true })
    const guard = createRedisAddressGuard({ client, namespace: namespace(), commandTimeoutMs: 5000 })
    opened.push(guard)
    await guard.block('192.0.2.1')
    expect(guard.has('192.0.2.1')).toBe(true)
    expect(client.status).toBe('wait')
    client.disconnect()
  })

  it('a push that is lost is made up for by asking', async () => {
    const space = namespace()
    const two = await make({ namespace: space, pollMs: 50 })
    const base = `${space}:addresses:{a}`
    await server.cli('hset', `${base}:entries`, '198.51.100.1', '{"kind":"block","reason":"","ends":0}')
    await soon(() => expect(two.has('198.51.100.1')).toBe(true))
  })

  it('offences add up across processes, and bans grow by the clock of the server', async () => {
    const space = namespace()
    const bans = { strikes: 4, windowMs: 60_000, baseMs: 1000, factor: 3, maxMs: 5000, forgetMs: 60_000 }
    const [one, two] = [await make({ namespace: space, bans }), await make({ namespace: space, bans })]
    const outcomes = await Promise.all([one, two, one].map((guard) => guard.strike('2001:db8:5:6::1')))
    expect(outcomes.map((outcome) => outcome.banned)).toEqual([false, false, false])
    expect(await two.strike('2001:db8:5:6::2', 'guessing')).toEqual({
      banned: true,
      cidr: '2001:db8:5:6::/64',
      forMs: 1000,
      nth: 1,
    })
    await soon(() => expect(one.has('2001:db8:5:6:7::9')).toBe(false))
    for (let i = 0; i < 3; i++) await one.strike('2001:db8:5:6::1')
    expect(await one.strike('2001:db8:5:6::1')).toMatchObject({ banned: true, forMs: 3000, nth: 2 })
    await one.unblock('2001:db8:5:6::/64')
    for (let i = 0; i < 3; i++) await one.strike('2001:db8:5:6::1')
    expect(await one.strike('2001:db8:5:6::1')).toMatchObject({ nth: 1 })
  })

  it('an end is never shortened, and what ended is gone from Redis', async () => {
    const space = namespace()
    const guard = await make({ namespace: space })
    await guard.block('192.0.2.1', { forMs: 300_000, reason: 'long' })
    await guard.block('192.0.2.1', { forMs: 10 })
    const [entry] = await guard.list()
    expect(entry).toMatchObject({ cidr: '192.0.2.1', kind: 'block', reason: 'long' })
    expect(entry?.remainingMs).toBeGreaterThan(200_000)
    await guard.block('192.0.2.1')
    expect((await guard.list())[0]).not.toHaveProperty('remainingMs')
    await guard.block('192.0.2.2', { forMs: 1 })
    await vi.waitFor(async () => expect((await guard.list()).map(({ cidr }) => cidr)).toEqual(['192.0.2.1']), {
      timeout: 20_000,
    })
    expect(await server.cli('hlen', `${space}:addresses:{a}:entries`)).toBe(1)
  })

  it('is bounded', async () => {
    const guard = await make({ namespace: namespace(), maxEntries: 1, bans: { strikes: 1 } })
    await guard.block('192.0.2.1')
    await expect(guard.block('192.0.2.2')).rejects.toMatchObject({ code: 'ERR_VALIDATOR_LIST_FULL' })
    await expect(guard.strike('192.0.2.3')).rejects.toMatchObject({ code: 'ERR_VALIDATOR_LIST_FULL' })
    await guard.block('192.0.2.1', { reason: 'again' })
  })

  it('never bans loopback, proxies or allowed networks; own lists hold beside the shared one', async () => {
    const guard = await make({
      namespace: namespace(),
      bans: { strikes: 1 },
      allow: ['198.51.100.0/24'],
      trustedProxies: ['10.0.0.0/8'],
      block: ['203.0.113.0/24'],
    })
    for (const address of ['127.0.0.1', '10.0.0.1', '198.51.100.1'])
      expect(await guard.strike(address)).toEqual({ banned: false, exempt: true })
    expect(guard.has('203.0.113.1')).toBe(true)
    expect(guard.clientAddress('10.0.0.1', ['192.0.2.1'])).toBe('192.0.2.1')
  })

  it('what somebody else wrote is passed over', async () => {
    const space = namespace()
    const base = `${space}:addresses:{a}:entries`
    await server.cli('hset', base, 'junk', 'junk', '192.0.2.9', '{"kind":"block","ends":0}', '192.0.2.8', '{')
    const guard = await make({ namespace: space })
    expect(guard.has('192.0.2.9')).toBe(true)
    expect(guard.has('192.0.2.8')).toBe(false)
  })

  it('before the first read nothing is known, and nothing is let through', async () => {
    const guard = await make({ namespace: namespace() }, false)
    expect(() => guard.has('192.0.2.1')).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_STORE', fault: 'unavailable' }),
    )
    await guard.ready
    expect(guard.has('192.0.2.1')).toBe(false)
  })

  it('when Redis dies, the last known list holds for a while and then nothing does', async () => {
    const own = await startRedis()
    let nowMs = 0
    const guard = await make({
      url: own.url,
      namespace: namespace(),
      maxStaleMs: 1000,
      clock: () => nowMs,
      commandTimeoutMs: 500,
    })
    await guard.block('192.0.2.1')
    await own.kill()
    nowMs += 1000
    expect(guard.has('192.0.2.1')).toBe(true)
    nowMs += 1
    expect(() => guard.has('192.0.2.1')).toThrow(expect.objectContaining({ code: 'ERR_VALIDATOR_STORE' }))
    expect(() => guard.decide('192.0.2.2')).toThrow(expect.objectContaining({ code: 'ERR_VALIDATOR_STORE' }))
    await expect(guard.block('192.0.2.3')).rejects.toMatchObject({ code: 'ERR_VALIDATOR_STORE' })
    await own.stop()
  }, 60_000)

  it.each([
    { url: 'http://x' },
    { url: 'redis://redis.example' },
    { namespace: 'a b' },
    { pollMs: 1 },
    { maxStaleMs: 1 },
    { other: 1 },
  ])('refuses the options %j', (options) => {
    expect(() => createRedisAddressGuard({ url: server.url, ...(options as object) })).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }),
    )
  })
})
