// One adapter that sees ever new keys: how its process grows.
import { adapters, loopOver } from './memory-adapters.mjs'

const { adapter: name, keys, quickKeys, quick, limit, maxKeys } = JSON.parse(process.argv[2])
const count = quick ? quickKeys : keys
const rss = () => {
  for (let i = 0; i < 3; i++) globalThis.gc()
  return process.memoryUsage().rss / 2 ** 20
}

const adapter = adapters[name]({ limit, maxKeys })
const rssStart = rss()
let seen = 0
const cpu = process.cpuUsage()
const upTo = async (part) => {
  const from = seen
  seen = count * part
  await loopOver(adapter, (i) => `user:${from + i}`, Number.POSITIVE_INFINITY, seen - from)
  return rss()
}
const rssTenth = await upTo(0.1)
const rssHalf = await upTo(0.5)
const rssEnd = await upTo(1)
const { user, system } = process.cpuUsage(cpu)
process.send({
  cpuNs: ((user + system) * 1000) / count,
  rssStart,
  rssTenth,
  rssHalf,
  rssEnd,
  growthMb: rssEnd - rssHalf,
})
process.disconnect()
process.exit()
