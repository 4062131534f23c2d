// Measures the limiters against their peers in one run: every figure in a process of its own, rounds in turn, medians. Nothing is asserted.
// `--quick`: one short round. `--cell NAME`: only that. `--write`: docs/benchmarks-ratelimit.md.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { provideRedisServer } from '../../../scripts/redis-server.mjs'
import { cells, ours } from './cells.mjs'
import { betterOf, tableOf } from './report.mjs'

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, cell: { type: 'string', multiple: true }, write: { type: 'boolean' } },
})
const rounds = flags.quick ? 1 : 3
const seconds = flags.quick ? 0.7 : 2
const chosen = cells.filter(({ name }) => flags.cell === undefined || flags.cell.includes(name))
if (chosen.length === 0) throw new Error(`cells: ${cells.map(({ name }) => name).join(', ')}`)

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
const startRedis = async () => {
  const port = await freePort()
  const child = spawn(
    provideRedisServer(),
    ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore',
    },
  )
  process.once('exit', () => child.kill('SIGKILL'))
  for (let i = 0; i < 100 && !(await answers(port)); i++) await new Promise((resolve) => setTimeout(resolve, 100))
  return { url: `redis://127.0.0.1:${port}`, stop: () => child.kill('SIGKILL') }
}

const measure = async (cell, params) => {
  const child = fork(fileURLToPath(new URL(cell.child, import.meta.url)), [JSON.stringify(params)], {
    execArgv: ['--expose-gc', '--max-old-space-size=12288'],
  })
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => [{ failed: `exit ${code}` }]),
  ])
  if (child.exitCode === null) await once(child, 'exit')
  if (result.failed) console.error(`${cell.name} ${params.adapter}: ${result.failed}`)
  return result
}

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
const medians = (runs) => {
  const good = runs.filter(({ failed }) => !failed)
  return Object.fromEntries(
    Object.keys(good[0] ?? {}).map((metric) => [metric, median(good.map((run) => run[metric]))]),
  )
}

/** Peers have auto-pipelining to choose; ours sends what is asked in one turn together anyway. */
const variantsOf = (cell) =>
  cell.adapters.flatMap((adapter) =>
    cell.params.auto && !ours.includes(adapter)
      ? [
          { adapter, auto: false },
          { adapter, auto: true },
        ]
      : [{ adapter, auto: false }],
  )

const redis = chosen.some(({ child }) => child.startsWith('redis')) ? await startRedis() : undefined
const tables = []
for (const cell of chosen) {
  const variants = variantsOf(cell).map((variant) => ({ ...variant, runs: [] }))
  for (let round = 0; round < (cell.params.once ? 1 : rounds); round++) {
    for (const { adapter, auto, runs } of variants) {
      runs.push(await measure(cell, { ...cell.params, adapter, auto, seconds, quick: flags.quick, url: redis?.url }))
    }
  }
  const rows = variants.map(({ adapter, auto, runs }) => ({ adapter, auto, ...medians(runs) }))
  const whole = rows.filter((row) => Object.keys(row).length > 2)
  if (whole.length === 0) continue
  const table = tableOf(cell, betterOf(whole))
  console.log(table)
  tables.push(table)
}
redis?.stop()

const version = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
const peers = [
  'rate-limiter-flexible',
  'rate-limit-redis',
  'express-rate-limit',
  'hono-rate-limiter',
  '@fastify/rate-limit',
  'ioredis',
]
const versions = peers.map((name) => `\`${name}\` ${version(name)}`).join(', ')
const made = `Node ${process.version}, ${cpus().length} × ${cpus()[0].model.trim()}, ${versions}.`
console.log(made)
if (flags.write) {
  writeFileSync(
    new URL('../../../docs/benchmarks-ratelimit.md', import.meta.url),
    `# Benchmarks of the rate limiters

Each figure was measured in a process of its own, ${rounds} rounds of ${seconds} s in turn, medians. In memory the peers' stores are called without the
middleware around them, one check after another. Over Redis every limiter has one connection to the same server, and peers are shown with or without
\`enableAutoPipelining\`, whichever was faster. CPU time is the operating system's accounting: on a busy machine trust it and the ratios, not the checks a second.
Peers count fixed windows, which let up to twice the limit through; ours keep what the README guarantees.

${tables.join('\n')}
${made} Made by \`npm run bench\` in \`packages/ratelimit\`.
`,
  )
}
