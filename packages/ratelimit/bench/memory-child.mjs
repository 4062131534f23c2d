// One adapter in one cell in memory: bytes a key with keys of its own, then CPU time over keys in random order.
import { adapters, loopOver } from './memory-adapters.mjs'

const { adapter: name, keys: count, limit, seconds } = JSON.parse(process.argv[2])
const keyOf = (i) => `user:${i}`
const heap = () => {
  for (let i = 0; i < 3; i++) globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const before = heap()
const adapter = adapters[name]({ limit, maxKeys: Math.max(100_000, count) })
// Until every key is known, and refused where the limit is 1.
for (let i = 0; i < (limit === 1 ? 2 : 1); i++) await loopOver(adapter, keyOf, Number.POSITIVE_INFINITY, count)
const bytesPerKey = count >= 100_000 ? (heap() - before) / count : undefined

const keys = Array.from({ length: count }, (_, i) => keyOf(i))
const order = Uint32Array.from({ length: 2 ** 20 }, () => Math.floor(Math.random() * count))
const keyAt = count === 1 ? () => keys[0] : (i) => keys[order[i & 0xfffff]]
await loopOver(adapter, keyAt, performance.now() + 300)
const cpu = process.cpuUsage()
const begun = performance.now()
const done = await loopOver(adapter, keyAt, begun + seconds * 1000)
const { user, system } = process.cpuUsage(cpu)
process.send({
  cpuNs: ((user + system) * 1000) / done,
  mops: done / (performance.now() - begun) / 1000,
  bytesPerKey,
})
process.disconnect()
process.exit()
