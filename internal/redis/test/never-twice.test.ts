import { describe, expect, it, vi } from 'vitest'
import type { RedisServer } from '../../testing/src/index.ts'
import { defineScript, type RedisLink } from '../src/index.ts'
import { back, isLong, libraries, open, outcome, proxyTo, serve } from './support.ts'

const ROUNDS = isLong ? 1000 : 20
const BATCH = 40

const key = 'marks'
/** Counts each command by its name, so that one that ran twice shows whatever else was lost. */
const mark = defineScript("return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)")
const marks = async (server: RedisServer) => {
  const script = `local n, most = 0, 0
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do n = n + 1; most = math.max(most, tonumber(count)) end
  return { n, most }`
  const [ran, most] = (await server.cli('EVAL', script, 1, key)) as [number, number]
  return { ran, most }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Sends one batch in every way there is; resolves with how many were answered. */
const sendBatch = (link: RedisLink, from: number): Promise<boolean>[] => {
  const names = Array.from({ length: BATCH }, (_, nth) => from + nth)
  const many = link.evalEach(
    mark,
    names.slice(0, BATCH / 2).map((name) => ({ keys: [key], args: [name] })),
  )
  const ofMany = names.slice(0, BATCH / 2).map((_, nth) =>
    many.then(
      (outcomes) => outcomes[nth]?.status === 'fulfilled',
      () => false,
    ),
  )
  const single = names.slice(BATCH / 2).map((name) => {
    const answer = name % 2 ? link.eval(mark, [key], [name]) : link.call('hincrby', key, name, 1)
    return answer.then(
      () => true,
      () => false,
    )
  })
  return [...ofMany, ...single]
}

describe.each(libraries)('with %s, no command is carried out twice', (_name, create) => {
  it('whose socket is destroyed', { timeout: isLong ? 600_000 : 60_000 }, async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const proxy = await proxyTo(onTestFinished, server.port)
    const { link } = open(onTestFinished, { client: create(proxy.url) })
    let sent = 0
    let answered = 0
    for (let round = 0; round < ROUNDS; round++) {
      await back(link)
      const batch = sendBatch(link, sent)
      sent += BATCH
      for (let turns = round % 5; turns > 0; turns--) await turn()
      if (round % 2) proxy.cut()
      else await server.cli('CLIENT', 'KILL', 'TYPE', 'normal')
      answered += (await Promise.all(batch)).filter(Boolean).length
      if (round % 50 === 49) await server.cli('SCRIPT', 'FLUSH')
    }
    const { ran, most } = await marks(server)
    expect(most).toBe(1)
    expect(ran).toBeGreaterThanOrEqual(answered)
    expect(ran).toBeLessThanOrEqual(sent)
    expect(answered).toBeLessThan(sent)
  })

  it('whose answer is lost', { timeout: isLong ? 600_000 : 60_000 }, async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const proxy = await proxyTo(onTestFinished, server.port)
    const { link } = open(onTestFinished, { client: create(proxy.url) })
    let sent = 0
    for (let round = 0; round < ROUNDS / 4; round++) {
      await back(link)
      expect(await link.eval(mark, [key], [sent++])).toBe(1)
      proxy.swallow()
      const batch = sendBatch(link, sent)
      sent += BATCH
      await vi.waitFor(async () => expect(await server.cli('HLEN', key)).toBe(sent), { timeout: 5000, interval: 2 })
      proxy.cut()
      expect(await Promise.all(batch)).not.toContain(true)
    }
    await back(link)
    await link.call('ping')
    expect(await marks(server)).toEqual({ ran: sent, most: 1 })
  })

  it('whose deadline is over before its answer comes', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link } = open(onTestFinished, { client: create(server.url), commandTimeoutMs: 50 })
    await link.ready
    server.freeze()
    const given = ['a', 'b', 'c', 'd'].map((one) => outcome(link.eval(mark, [key], [one])))
    expect(await Promise.all(given)).toEqual(Array(4).fill('ERR_REDIS_TIMEOUT'))
    expect(await outcome(link.eval(mark, [key], ['e']))).toBe('ERR_REDIS_UNAVAILABLE')
    server.thaw()
    await back(link)
    const { ran, most } = await marks(server)
    expect(most).toBeLessThanOrEqual(1)
    expect(ran).toBeLessThanOrEqual(4)
  })
})
