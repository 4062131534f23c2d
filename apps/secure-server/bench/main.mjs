// Measures a secured tools/call of portcullis-server against the official SDKs' own servers without any security, in one run:
// rounds in turn, the CPU time of the server's process and requests a second. Prints ratios and writes docs/benchmarks.md.
import autocannon from 'autocannon'
import { fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.env.BENCH_ROUNDS ?? 3)
const seconds = Number(process.env.BENCH_SECONDS ?? 4)
const connections = 32
const targets = [
  { name: 'node:http, no protocol (floor)', file: 'node-http' },
  { name: 'portcullis-server, everything on', file: 'portcullis', ours: true },
  { name: 'portcullis-server, everything on, in a session', file: 'portcullis', args: ['session'], ours: true },
  { name: 'portcullis-server, everything on, 2026-07-28', file: 'portcullis', stateless: true, ours: true },
  { name: 'SDK v1 example: server per request, Express', file: 'v1-example' },
  { name: 'SDK v1 sessions', file: 'v1-sessions' },
  { name: 'SDK v2 createMcpHandler', file: 'v2-handler' },
  { name: 'SDK v2 createMcpHandler, 2026-07-28', file: 'v2-handler', stateless: true },
]

// Every request has an id of its own, as the protocol wants it within a session.
const call = {
  jsonrpc: '2.0',
  id: '[<id>]',
  method: 'tools/call',
  params: { name: 'echo', arguments: { message: 'hello there' } },
}
const stateless = '2026-07-28'
/** The same call by a client of 2026-07-28. */
const statelessCall = {
  ...call,
  params: {
    ...call.params,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': stateless,
      'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
}
const clockTicks = 100

/** CPU time of a process in microseconds: utime and stime of /proc/PID/stat. */
const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / clockTicks
}

const start = async ({ file, args = [], ...target }) => {
  const child = fork(fileURLToPath(new URL(`./targets/${file}.mjs`, import.meta.url)), args)
  const { url, headers, pid = child.pid } = await new Promise((resolve) => child.once('message', resolve))
  const { session, ...own } = headers
  const common = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(target.stateless
      ? { 'mcp-protocol-version': stateless, 'mcp-method': 'tools/call', 'mcp-name': 'echo' }
      : { 'mcp-protocol-version': '2025-11-25' }),
    ...own,
  }
  const body = JSON.stringify(target.stateless ? statelessCall : call)
  if (!session) return { child, pid, url, headers: common, body }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } }
  const started = await fetch(url, {
    method: 'POST',
    headers: common,
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  })
  await started.text()
  return { child, pid, url, body, headers: { ...common, 'mcp-session-id': started.headers.get('mcp-session-id') } }
}

const load = (target, duration) =>
  autocannon({
    url: target.url,
    method: 'POST',
    headers: target.headers,
    body: target.body,
    connections,
    duration,
    idReplacement: true,
  })

const measure = async (target) => {
  const before = cpuOf(target.pid)
  const result = await load(target, seconds)
  const requests = result['2xx']
  if (result.non2xx > 0 || result.errors > 0 || requests === 0)
    throw new Error(`${target.url}: ${result.non2xx} refusals, ${result.errors} errors`)
  return { cpu: (cpuOf(target.pid) - before) / requests, rate: requests / result.duration, p99: result.latency.p99 }
}

const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)]

const running = []
for (const target of targets) {
  const started = await start(target)
  const probe = await fetch(started.url, { method: 'POST', headers: started.headers, body: started.body })
  if (!(await probe.text()).includes('hello there')) throw new Error(`${target.name} does not answer`)
  await load(started, 1)
  running.push({ ...target, ...started, runs: [] })
}
for (let round = 0; round < rounds; round++) for (const target of running) target.runs.push(await measure(target))
for (const { child } of running) if (child.connected) child.disconnect()
for (const { child, ours } of running) if (!ours) child.kill('SIGTERM')

const rows = running.map(({ name, ours, runs }) => ({
  name,
  ours,
  cpu: median(runs.map(({ cpu }) => cpu)),
  rate: median(runs.map(({ rate }) => rate)),
  p99: median(runs.map(({ p99 }) => p99)),
}))
const own = rows.find(({ ours }) => ours)
const table = [
  '| server | CPU µs a call | calls/s | p99 ms | its CPU ÷ ours |',
  '|---|---|---|---|---|',
  ...rows.map(
    ({ name, cpu, rate, p99 }) =>
      `| ${name} | ${cpu.toFixed(0)} | ${rate.toFixed(0)} | ${p99} | ${(cpu / own.cpu).toFixed(2)} |`,
  ),
].join('\n')
console.log(table)
const version = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
writeFileSync(
  new URL('../../../docs/benchmarks.md', import.meta.url),
  `# Benchmarks

One \`tools/call\` of the tool \`echo\` over HTTP, ${connections} connections, ${rounds} rounds of ${seconds} s in turn, medians. "Everything on" is an API key,
grants, rate limits, validation and an audit log on disk; the other servers have no security at all. CPU time is the server
process's own, from the operating system's accounting; on a busy machine trust it and the ratios, not the calls a second.

${table}

Node ${process.version}, ${cpus().length} × ${cpus()[0].model.trim()}, \`@modelcontextprotocol/sdk\` ${version('@modelcontextprotocol/sdk')}, \`@modelcontextprotocol/server\` ${version('@modelcontextprotocol/server')}.
Made by \`npm run bench\`.
`,
)
