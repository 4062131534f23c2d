import { describe, expect, it, vi } from 'vitest'
import { defineScript, type RedisLink } from '../src/index.ts'
import { back, bound, open, outcome as outcomeOf, serve } from './support.ts'

const count = defineScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
const outcome = (link: RedisLink) => outcomeOf(link.call('ping'))

describe('when Redis fails', () => {
  it('that is not there: says so at once, and sees it come', async ({ onTestFinished }) => {
    const other = await serve(onTestFinished)
    await other.kill()
    const { link, events } = open(onTestFinished, { url: other.url })
    expect(await outcome(link)).toBe('ERR_REDIS_UNAVAILABLE')
    expect(await outcome(link)).toBe('ERR_REDIS_UNAVAILABLE')
    expect(events).toMatchObject([{ type: 'down', reason: expect.stringContaining('ECONNREFUSED') }])
    await other.restart()
    await back(link)
    expect(await outcome(link)).toBe('ok')
    expect(events.map((event) => event.type)).toEqual(['down', 'up'])
    await link.ready
  })

  it('that is killed and restarted', async ({ onTestFinished }) => {
    const other = await serve(onTestFinished)
    const { link, events } = open(onTestFinished, { url: other.url })
    expect(await outcome(link)).toBe('ok')
    await other.kill()
    await vi.waitFor(() => expect(link.state).toBe('down'))
    expect(await outcome(link)).toBe('ERR_REDIS_UNAVAILABLE')
    await other.restart()
    await back(link)
    expect(await link.eval(count, ['n'], [1])).toBe(1)
    expect(events.map((event) => event.type)).toEqual(['down', 'up'])
  })

  it('that hangs: the deadline, then no more waiting, then back', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link, events } = open(onTestFinished, { url: server.url, commandTimeoutMs: 30 })
    await link.ready
    server.freeze()
    try {
      for (let i = 0; i < 3; i++) expect(await outcome(link)).toBe('ERR_REDIS_TIMEOUT')
      expect(link.state).toBe('down')
      expect(await outcome(link)).toBe('ERR_REDIS_UNAVAILABLE')
      // Long enough for the connection to be given up and made anew, to a server that accepts and does not speak.
      await new Promise((resolve) => setTimeout(resolve, 2600))
      expect(link.state).toBe('down')
    } finally {
      server.thaw()
    }
    await back(link)
    expect(await outcome(link)).toBe('ok')
    expect(events.map((event) => event.type)).toEqual(['down', 'up'])
  })

  it('that stood still for a moment under load is used at once when it goes on', async ({ onTestFinished }) => {
    const other = await serve(onTestFinished)
    const { link, events } = open(onTestFinished, { url: other.url, commandTimeoutMs: 50 })
    await link.ready
    other.freeze()
    await Promise.all(Array.from({ length: 20 }, () => outcome(link)))
    expect(link.state).toBe('down')
    other.thaw()
    const thawedAtMs = performance.now()
    await back(link)
    // The question was already asked when the link went down.
    expect(performance.now() - thawedAtMs).toBeLessThan(bound(200))
    expect(events.map((event) => event.type)).toEqual(['down', 'up'])
  })

  it('that refuses the credentials: no password in any message', async ({ onTestFinished }) => {
    const other = await serve(onTestFinished, { args: ['--requirepass', 'hush-hush'] })
    const good = open(onTestFinished, { url: `redis://:hush-hush@127.0.0.1:${other.port}` })
    expect(await outcome(good.link)).toBe('ok')
    const wrong = open(onTestFinished, { url: `redis://default:wrong-wrong@127.0.0.1:${other.port}` })
    expect(await outcome(wrong.link)).toBe('ERR_REDIS_REFUSED')
    expect(JSON.stringify(wrong.events)).toContain('WRONGPASS')
    expect(JSON.stringify(wrong.events)).not.toContain('wrong-wrong')
    const none = open(onTestFinished, { url: `redis://127.0.0.1:${other.port}` })
    expect(await outcome(none.link)).toBe('ERR_REDIS_REFUSED')
  })

  it('that has no room or is a replica: unavailable, not a mistake of the script', async ({ onTestFinished }) => {
    const other = await serve(onTestFinished, { args: ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'] })
    const { link } = open(onTestFinished, { url: other.url })
    const fill = defineScript("return redis.call('SET', KEYS[1], ARGV[1])")
    await expect(link.eval(fill, ['x'], ['y'])).rejects.toMatchObject({ fault: 'unavailable' })
    await other.cli('CONFIG', 'SET', 'maxmemory', '0')
    expect(await link.eval(fill, ['x'], ['y'])).toBe('OK')
    await other.cli('REPLICAOF', '127.0.0.1', '1')
    await expect(link.eval(fill, ['x'], ['y'])).rejects.toMatchObject({ fault: 'unavailable' })
  })
})
