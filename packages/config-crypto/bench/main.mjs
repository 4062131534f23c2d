// Measures whole processes that read many secrets against dotenvx, sops-age, typage and a process that does nothing, in one run: CPU time, medians of rounds in turn.
// Nothing is asserted. Flags: --quick (100 secrets, 2 rounds), --peers DIR (keep what was installed), --node PATH (another Node for ours; may be repeated).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { keys, openConfigSync } from '../dist/index.js'
import { createRedactor } from '../dist/redact.js'
import { secretsOf, writeAge, writeDotenvx, writeOurs, writeSops } from './fixtures.mjs'
import { installPeers } from './peers.mjs'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    peers: { type: 'string' },
    node: { type: 'string', multiple: true, default: [] },
  },
})
const count = flags.quick ? 100 : 1000
const rounds = flags.quick ? 2 : 15
const slowRounds = flags.quick ? 1 : 2

const scratch = mkdtempSync(join(tmpdir(), 'portcullis-config-bench-'))
const hook = fileURLToPath(new URL('./cpu-hook.cjs', import.meta.url))
const dist = (name) => new URL(`../dist/${name}`, import.meta.url).href
const text = JSON.stringify

/** CPU milliseconds of a process, and what it printed. */
const cpuOf = (args, { node = process.execPath, cwd } = {}) => {
  const file = join(scratch, 'cpu')
  const { status, stdout, stderr } = spawnSync(node, ['--require', hook, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, BENCH_CPU_FILE: file },
  })
  if (status !== 0) throw new Error(stderr)
  return { ms: Number(readFileSync(file, 'utf8')), stdout }
}
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

const evaluate = (code) => ['--input-type=module', '-e', code]
const oursCode = ({ path, key }, read) => `import { keys, openConfigSync } from ${text(dist('index.js'))}
const config = openConfigSync(${text(path)}, { keys: [keys.file(${text(key)})] })
${read}`
const readAll =
  "let n = 0; for (const { name } of config.names()) n += config.get(name).length; if (n !== EXPECTED) throw new Error('wrong')"

const secrets = secretsOf(count)
const expected = Object.values(secrets).join('').length
const ours = await writeOurs(scratch, secrets)
const all = oursCode(ours, readAll.replace('EXPECTED', expected))
const one = oursCode(ours, `if (config.get('SECRET_5').length !== 100) throw new Error('wrong')`)

const processes = {
  'node -e 0': { args: evaluate('0') },
  [`config-crypto, all ${count}`]: { args: evaluate(all) },
  'config-crypto, one of them': { args: evaluate(one) },
}
for (const node of flags.node) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
  processes[`node -e 0 (${version})`] = { args: evaluate('0'), node }
  processes[`config-crypto, all ${count} (${version})`] = { args: evaluate(all), node }
}

const peers = installPeers(flags.peers ?? join(scratch, 'peers'))
if (peers) {
  const age = await writeAge(scratch, secrets, peers)
  processes[`typage ${peers.versions['age-encryption']}, whole file`] = {
    args: evaluate(`import { Decrypter } from ${text(peers.age)}
import { readFileSync } from 'node:fs'
const decrypter = new Decrypter(); decrypter.addIdentity(${text(age.identity)})
const values = JSON.parse(await decrypter.decrypt(readFileSync(${text(age.path)}), 'text'))
if (Object.values(values).join('').length !== ${expected}) throw new Error('wrong')`),
  }
  const sops = await writeSops(scratch, secrets, peers)
  processes[`sops-age ${peers.versions['sops-age']} (no MAC check)`] = {
    args: evaluate(`import { decryptSops } from ${text(peers.sopsAge)}
const values = await decryptSops({ path: ${text(sops.path)}, secretKey: ${text(sops.identity)} })
if (Object.values(values).join('').length !== ${expected}) throw new Error('wrong')`),
  }
  const { path, cwd } = writeDotenvx(scratch, secrets, peers)
  processes[`dotenvx ${peers.versions['@dotenvx/dotenvx']} get`] = {
    args: [peers.dotenvx, 'get', '-f', path],
    cwd,
    slow: true,
  }
} else console.log('The peers cannot be installed: this package alone is measured.\n')

const times = new Map(Object.keys(processes).map((name) => [name, []]))
for (let round = 0; round < rounds; round++) {
  for (const [name, { args, node, cwd, slow }] of Object.entries(processes)) {
    if (slow && round >= slowRounds) continue
    times.get(name).push(cpuOf(args, { ...(node ? { node } : {}), cwd }).ms)
  }
}

console.log(`${count} secrets of 100 bytes; Node ${process.version}; ${cpus().length} x ${cpus()[0]?.model.trim()}\n`)
console.log('| a whole process | CPU ms | over the floor | times ours |\n| --- | ---: | ---: | ---: |')
const floorOf = (name) =>
  median(times.get(/\((v\d.*)\)$/.exec(name) ? `node -e 0 ${/\(v\d.*\)$/.exec(name)[0]}` : 'node -e 0'))
const base = median(times.get(`config-crypto, all ${count}`))
for (const [name, each] of times) {
  const ms = median(each)
  const over = name.startsWith('node') ? '-' : (ms - floorOf(name)).toFixed(1)
  console.log(`| ${name} | ${ms.toFixed(1)} | ${over} | ${(ms / base).toFixed(2)} |`)
}

/** CPU milliseconds of one call, in this process, warm. */
const inProcess = (call, calls) => {
  for (let n = 0; n < calls; n++) call(n)
  const before = process.cpuUsage()
  for (let n = 0; n < calls; n++) call(n)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / calls
}
const open = () => openConfigSync(ours.path, { keys: [keys.file(ours.key)] })
const config = open()
const names = Object.keys(secrets)
console.log('\n| in a warm process | CPU ms |\n| --- | ---: |')
console.log(
  `| open and verify, then the first secret | ${inProcess((n) => open().get(names[n % count]), 100).toFixed(2)} |`,
)
console.log(`| one more secret of an open file | ${inProcess((n) => config.get(names[n % count]), 2000).toFixed(4)} |`)
console.log(
  `| open and verify, then all ${count} | ${inProcess(() => {
    const opened = open()
    for (const name of names) opened.get(name)
  }, 20).toFixed(2)} |`,
)

const line = Buffer.from(
  `${new Date().toISOString()} GET /v1/things/4711?page=2 200 17ms "Mozilla/5.0" deadbeefcafe0123 aGVsbG8gd29ybGQ=\n`,
)
const log = Buffer.concat(Array.from({ length: Math.ceil(2 ** 24 / line.length) }, () => line))
const made = performance.now()
const redactor = createRedactor(config)
const madeMs = performance.now() - made
const passes = flags.quick ? 1 : 5
const scanMs = inProcess(() => redactor.stream().write(log), passes)
console.log(
  `\nRedactor of ${count} secrets: made in ${madeMs.toFixed(0)} ms, ${(log.length / 1e6 / (scanMs / 1000)).toFixed(0)} MB a CPU second of log lines.`,
)
rmSync(scratch, { recursive: true, force: true })
