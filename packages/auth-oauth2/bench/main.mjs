// Measures the verification of access tokens and proofs beside what people use instead: every figure in a process of its own, rounds in turn, medians of
// CPU time. Nothing is asserted. `--quick`: one short round. `--case TEXT` (repeatable): those whose name holds it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { algorithms, cases } from './cases.mjs'

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, case: { type: 'string', multiple: true }, child: { type: 'string' } },
})
const msPerRound = flags.quick ? 200 : 700
const rounds = flags.quick ? 1 : 5

const measure = async (operate) => {
  let done = 0
  const run = async (ms) => {
    const from = done
    for (const begun = performance.now(); performance.now() - begun < ms; ) {
      for (let nth = 0; nth < 50; nth++, done++) {
        const answer = operate(done)
        if ((answer instanceof Promise ? await answer : answer) !== true) throw new Error('not what it should be')
      }
    }
    return done - from
  }
  await run(msPerRound / 2)
  const before = process.cpuUsage()
  const count = await run(msPerRound)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / count
}

if (flags.child !== undefined) {
  process.send(await measure(await cases[flags.child]()))
  process.exit()
}

const chosen = Object.keys(cases).filter((name) => flags.case?.some((text) => name.includes(text)) ?? true)
const runs = new Map(chosen.map((name) => [name, []]))
for (let round = 0; round < rounds; round++) {
  for (const name of chosen) {
    const args = ['--child', name, ...(flags.quick ? ['--quick'] : [])]
    const child = fork(fileURLToPath(import.meta.url), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const [ns] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [Number.NaN])])
    runs.get(name).push(ns)
    if (child.exitCode === null) await once(child, 'exit')
  }
}
const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
const cpuNs = Object.fromEntries([...runs].map(([name, values]) => [name, median(values)]))
console.table(Object.fromEntries(Object.entries(cpuNs).map(([name, ns]) => [name, { 'CPU ns': Math.round(ns) }])))

const goals = algorithms.flatMap((alg) => {
  const goal = alg === 'RS256' ? '>= 50' : '>= 100'
  const peers = ['jose', 'oauth4webapi', ...(alg === 'EdDSA' ? [] : ['express-oauth2-jwt-bearer'])]
  return [
    ...peers.map((peer) => [`${peer} / ours cached, ${alg}`, `${peer}, ${alg}`, `ours, cached, ${alg}`, goal]),
    [`fast-jwt cached / ours cached, ${alg}`, `fast-jwt with its cache, ${alg}`, `ours, cached, ${alg}`, '>= 1.8'],
    [`ours uncached / jose, ${alg}`, `ours, uncached, ${alg}`, `jose, ${alg}`, '<= 1.1'],
  ]
})
goals.push(['oauth4webapi / ours, proof', 'oauth4webapi, proof', 'ours, proof', '>= 3'])
const ratios = goals.map(([what, a, b, goal]) => [what, { ratio: Number((cpuNs[a] / cpuNs[b]).toFixed(2)), goal }])
console.table(Object.fromEntries(ratios.filter(([, { ratio }]) => !Number.isNaN(ratio))))

const versionOf = (name) => {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return `${name} ${JSON.parse(readFileSync(file)).version}`
}
console.log(['jose', 'oauth4webapi', 'express-oauth2-jwt-bearer', 'fast-jwt'].map(versionOf).join(', '))
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0].model.trim()}`)
