import type { RedisCluster } from '../../testing/src/index.ts'
import { defineScript, type RedisLink } from '../src/index.ts'
import { pause } from './support.ts'

export const count = defineScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")

export const nodesOf = (one: RedisCluster) => one.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))

/** Sends one increment of a counter of its own after the other, as fast as they are answered; what was not answered is not known. */
export const increments = (link: RedisLink, key: string) => {
  const seen = { sent: 0, answered: 0, codes: new Map<string, number>(), slowestMs: 0 }
  let going = true
  const run = async () => {
    while (going) {
      seen.sent++
      const begun = performance.now()
      const code = await link.eval(count, [key], [1]).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      )
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - begun)
      if (code === 'ok') seen.answered++
      else {
        seen.codes.set(code, (seen.codes.get(code) ?? 0) + 1)
        await pause(1)
      }
    }
  }
  const done = run()
  return {
    seen,
    end: async () => {
      going = false
      await done
      return seen
    },
  }
}
export const read = async (link: RedisLink, key: string) => Number(await link.call('get', key))
