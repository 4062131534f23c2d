// One adapter in one cell over Redis: so many loops at once, each of which asks, waits for the answer and asks again.
import { Redis } from 'ioredis'
import { adapters } from './redis-adapters.mjs'

const params = { limits: 1, auto: false, block: false, ...JSON.parse(process.argv[2]) }
const { adapter: name, url, keys: count, inFlight, seconds, block } = params
const admin = new Redis(url)
await admin.flushall()
const { check, problem } = await adapters[name](params)
const keys = Array.from({ length: count }, (_, i) => `user:${i}`)

const redisCpu = async () => {
  const info = await admin.info('cpu')
  const part = (field) => Number(new RegExp(`used_cpu_${field}:([\\d.]+)`).exec(info)[1])
  return (part('sys') + part('user')) * 1_000_000
}
const order = Uint32Array.from({ length: 2 ** 16 }, () => Math.floor(Math.random() * count))
// Answers from memory are quicker than a look at the clock: then only some are timed.
const every = block ? 16 : 1
let next = 0
const run = async (ms, waits) => {
  let done = 0
  const untilMs = performance.now() + ms
  const loop = async () => {
    for (let nowMs = performance.now(); nowMs < untilMs; ) {
      for (let i = 0; i < every; i++) {
        try {
          await check(keys[order[next++ & 0xffff]])
        } catch (error) {
          // How rate-limiter-flexible refuses; anything else is a failure.
          if (error instanceof Error) throw error
        }
      }
      done += every
      const then = performance.now()
      waits?.push((then - nowMs) / every)
      nowMs = then
      // Nor must they keep the rest of the process waiting.
      if ((done & 1023) === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
  return done
}

if (block) {
  for (const key of keys)
    for (let i = 0; i <= params.limit; i++) await Promise.resolve(check(key)).catch(() => undefined)
}
await run(500)
const waits = []
const [cpu, serverCpu, begun] = [process.cpuUsage(), await redisCpu(), performance.now()]
const done = await run(seconds * 1000, waits)
const ms = performance.now() - begun
const { user, system } = process.cpuUsage(cpu)
const redisUs = ((await redisCpu()) - serverCpu) / done
waits.sort((one, other) => one - other)
const found = problem?.()
if (found) throw new Error(found)
process.send({
  rate: (done * 1000) / ms,
  clientUs: (user + system) / done,
  redisUs,
  p50: waits[Math.floor(waits.length * 0.5)],
  p99: waits[Math.floor(waits.length * 0.99)],
})
process.disconnect()
process.exit()
