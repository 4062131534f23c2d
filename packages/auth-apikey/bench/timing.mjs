// Whether the time of a refusal tells a wrong secret from an unknown id: Welch's t over measurements in random order, cropped at percentiles, as dudect does it.
// |t| under 4.5 at every crop says that nothing was found. `--long`: a million measurements instead of a hundred thousand. Nothing is asserted.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createApiKeys, formatKey, memoryStore } from '../dist/index.js'

const { values: flags } = parseArgs({ options: { long: { type: 'boolean' } } })
const samples = flags.long ? 1_000_000 : 100_000
const crops = [1, 0.99, 0.95, 0.9, 0.75, 0.5]

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomText = (length) => Array.from(randomBytes(length), (byte) => base62[byte % 62]).join('')
/** Flat in memory, as a header is that came from the network: a text that was put together would be flattened under the clock. */
const keyOf = (id) =>
  Buffer.from(formatKey({ prefix: 'pck', env: 'live', id, secret: randomText(43) })).toString('latin1')

const welch = (left, right) => {
  const of = (values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
    return { mean, error: variance / values.length }
  }
  const [one, other] = [of(left), of(right)]
  return { t: (one.mean - other.mean) / Math.sqrt(one.error + other.error), ns: one.mean - other.mean }
}

/** Times each text once: of two kinds, in random order, with fresh texts each. */
const run = async (keys, textOf) => {
  const times = [new Float64Array(samples), new Float64Array(samples)]
  const counts = [0, 0]
  const block = 4096
  for (let done = -2 * block; done < samples; done += block) {
    const kinds = Uint8Array.from(randomBytes(block), (byte) => byte & 1)
    const texts = Array.from(kinds, (kind) => textOf[kind]())
    for (let i = 0; i < block; i++) {
      const begun = process.hrtime.bigint()
      const { reason } = keys.verify(texts[i])
      const ns = Number(process.hrtime.bigint() - begun)
      if (reason !== 'unknown') throw new Error(`refused as ${reason}`)
      // The first blocks are for the compiler.
      if (done >= 0) times[kinds[i]][counts[kinds[i]]++] = ns
    }
  }
  return times.map((kind, index) => kind.slice(0, counts[index]))
}

const report = (what, [unknown, wrong]) => {
  const all = Float64Array.from([...unknown, ...wrong]).sort()
  const rows = crops.map((crop) => {
    const limit = all[Math.min(all.length - 1, Math.floor(all.length * crop))]
    const kept = [unknown, wrong].map((kind) => kind.filter((ns) => ns <= limit))
    const { t, ns } = welch(kept[1], kept[0])
    return [`fastest ${crop * 100} %`, { t: Number(t.toFixed(2)), 'wrong - unknown, ns': Number(ns.toFixed(1)) }]
  })
  console.log(`${what}: ${unknown.length} unknown ids, ${wrong.length} wrong secrets`)
  console.table(Object.fromEntries(rows))
}

for (const [what, options] of [
  ['SHA-256', {}],
  ['with a pepper', { peppers: [{ id: 'p', key: randomBytes(32) }] }],
]) {
  // One key is always in the processor's caches; of many most are not, which is what a difference is made of then.
  for (const keyCount of [1, 1000]) {
    const keys = createApiKeys({ store: memoryStore(), lastUseIntervalMs: false, ...options })
    const ids = []
    for (let i = 0; i < keyCount; i++) {
      const { record } = await keys.create({ name: `key ${i}`, grants: [] })
      ids.push(record.id)
    }
    const knownId = () => ids[Math.floor(Math.random() * keyCount)]
    // Both ask for as many random numbers, so that what a text costs to make says nothing.
    const kinds = [() => (knownId(), keyOf(randomText(12))), () => (randomText(12), keyOf(knownId()))]
    report(`${what}, ${keyCount} of them`, await run(keys, kinds))
  }
}
