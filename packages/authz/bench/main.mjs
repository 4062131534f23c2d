// Measures one decision against what people use instead, in one run: CPU time, medians of rounds in turn. Nothing is asserted.
// `--quick`: one short round. Half of what is asked is allowed, at lines in random order.
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { createMongoAbility, subject } from '@casl/ability'
import { compileGrants, createPolicy } from '../dist/index.js'

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean' } } })
const rounds = flags.quick ? 1 : 5
const msPerRound = flags.quick ? 100 : 400
const asked = 2 ** 12

const servers = ['local', 'github', 'files', 'crm']
const serverOf = (i) => servers[i % servers.length]

/** Lines of permission and the actions that are asked: names of one shape, so that misses are near ones. */
const cases = {
  exact: {
    grant: (i) => `${serverOf(i)}/get_item_${i}`,
    hit: (i) => `get_item_${i}`,
    miss: (i) => `get_item_${i}_all`,
  },
  glob: {
    grant: (i) => `${serverOf(i)}/get_*_item_${i}`,
    hit: (i) => `get_my_item_${i}`,
    miss: (i) => `get_my_items_${i}`,
  },
}

const patternOf = (i, kind) =>
  kind === 'exact' ? new RegExp(`^get_item_${i}$`) : new RegExp(`^get_[A-Za-z0-9_.-]*_item_${i}$`)

/** Each maker answers a function from the number of an action to whether it is allowed. */
const makers = {
  '@portcullis/authz, policy'({ grants, actions }) {
    const policy = createPolicy()
    const principal = { id: 'key:bench', method: 'api_key', grants, authenticatedAtMs: 0 }
    return (i) => policy.decide(principal, actions[i]).allowed
  },
  '@portcullis/authz, grants'({ grants, actions }) {
    const compiled = compileGrants(grants)
    return (i) => compiled.decide(actions[i]).allowed
  },
  // A policy of the same meaning: the tool is the action where names are exact, else a condition on its name.
  '@casl/ability'({ count, kind, actions }) {
    const rules = Array.from({ length: count }, (_, i) =>
      kind === 'exact'
        ? { action: `get_item_${i}`, subject: serverOf(i) }
        : { action: 'call', subject: serverOf(i), conditions: { name: { $regex: patternOf(i, kind) } } },
    )
    const ability = createMongoAbility(rules)
    if (kind === 'exact') return (i) => ability.can(actions[i].name, actions[i].server)
    return (i) => ability.can('call', subject(actions[i].server, { name: actions[i].name }))
  },
  'a list of RegExp'({ count, kind, actions }) {
    const list = Array.from({ length: count }, (_, i) => ({ server: serverOf(i), pattern: patternOf(i, kind) }))
    return (i) => {
      const { server, name } = actions[i]
      return list.some((line) => line.server === server && line.pattern.test(name))
    }
  },
}

const workload = (kind, count) => {
  const { grant, hit, miss } = cases[kind]
  const actions = Array.from({ length: asked }, (_, n) => {
    const i = Math.floor(Math.random() * count)
    return { kind: 'tool', server: serverOf(i), name: (n % 2 === 0 ? hit : miss)(i) }
  })
  return { kind, count, grants: Array.from({ length: count }, (_, i) => grant(i)), actions }
}

const cpuNsPerCall = (ask, ms) => {
  const before = process.cpuUsage()
  const until = performance.now() + ms
  let calls = 0
  let allowed = 0
  while (performance.now() < until) {
    for (let i = 0; i < asked; i++) if (ask(i)) allowed++
    calls += asked
  }
  if (allowed * 2 !== calls) throw new Error(`half should be allowed: ${allowed} of ${calls}`)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / calls
}

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
const digits = (ns) => (ns < 1000 ? ns.toFixed(0) : ns.toPrecision(3))

for (const kind of Object.keys(cases)) {
  console.log(`\n| CPU ns a decision, ${kind} | ${[1, 10, 100, 1000].map((count) => `${count} grants`).join(' | ')} |`)
  console.log('| --- | --: | --: | --: | --: |')
  const columns = [1, 10, 100, 1000].map((count) => {
    const load = workload(kind, count)
    const runs = Object.entries(makers).map(([name, make]) => ({ name, ask: make(load), ns: [] }))
    for (const { ask } of runs) cpuNsPerCall(ask, msPerRound / 2)
    for (let round = 0; round < rounds; round++) for (const { ask, ns } of runs) ns.push(cpuNsPerCall(ask, msPerRound))
    return new Map(runs.map(({ name, ns }) => [name, median(ns)]))
  })
  const [ours] = Object.keys(makers)
  for (const name of Object.keys(makers)) {
    const cells = columns.map((column) => {
      const ratio = name === ours ? '' : ` (${(column.get(name) / column.get(ours)).toFixed(2)} x)`
      return `${digits(column.get(name))}${ratio}`
    })
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
}

const { version } = JSON.parse(
  readFileSync(new URL('../node_modules/@casl/ability/package.json', import.meta.url), 'utf8'),
)
console.log(
  `\nRatios are to the first row. Node ${process.version}, ${cpus()[0].model.trim()}, @casl/ability ${version}.`,
)
