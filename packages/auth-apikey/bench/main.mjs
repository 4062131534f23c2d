// Measures one verification against a bare digest and what people use instead: every figure in a process of its own, rounds in turn, medians of
// CPU time. Nothing is asserted. `--quick`: one short round. `--case NAME` (repeatable): only those.
import { fork } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createApiKeys, fileStore, formatKey, memoryStore } from '../dist/index.js'

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, case: { type: 'string', multiple: true }, child: { type: 'string' } },
})
const msPerRound = flags.quick ? 150 : 600
const rounds = flags.quick ? 1 : 7
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomText = (length) => Array.from(randomBytes(length), (byte) => base62[byte % 62]).join('')
const unknownKey = () => formatKey({ prefix: 'pck', env: 'live', id: randomText(12), secret: randomText(43) })
const otherSecret = (key) => formatKey({ prefix: 'pck', env: 'live', id: key.slice(9, 21), secret: randomText(43) })
const mistyped = (key) => `${key.slice(0, 30)}${key[30] === 'a' ? 'b' : 'a'}${key.slice(31)}`

/** Which of `count` is asked for next, in random order and the same for all. */
const order = Uint32Array.from({ length: 2 ** 17 }, () => Math.floor(Math.random() * 2 ** 32))
const anyOf = (texts) => (i) => texts[order[i & 0x1ffff] % texts.length]
const inTurn = (texts) => (i) => texts[i % texts.length]
const issue = async (store, count, options = {}) => {
  const keys = createApiKeys({ store, lastUseIntervalMs: false, ...options })
  const texts = []
  for (let i = 0; i < count; i++) texts.push((await keys.create({ name: `key ${i}`, grants: ['get_*'] })).key)
  return { keys, texts }
}
const hit = async (count, store = memoryStore()) => {
  const { keys, texts } = await issue(store, count)
  const textAt = anyOf(texts)
  for (const text of texts) keys.verify(text)
  return (i) => keys.verify(textAt(i)).ok
}
/** Over a store that cannot tell whether it has changed nothing is remembered. */
const unstamped = () => ({ ...memoryStore(), stamp: undefined })
const whole = async (count, options, store = unstamped()) => {
  const { keys, texts } = await issue(store, count, options)
  const textAt = inTurn(texts)
  for (const text of texts) keys.verify(text)
  return (i) => keys.verify(textAt(i)).ok
}
const floor = (count) => {
  const texts = Array.from({ length: count }, unknownKey)
  const known = new Map(texts.map((text) => [hash('sha256', text, 'base64url'), { name: text.slice(0, 12) }]))
  const textAt = anyOf(texts)
  return (i) => known.get(hash('sha256', textAt(i), 'base64url')) !== undefined
}
const refused = async (make) => {
  const { keys, texts } = await issue(memoryStore(), 1000)
  const textAt = inTurn(Array.from({ length: 20_000 }, (_, i) => make(texts[i % texts.length])))
  return (i) => !keys.verify(textAt(i)).ok
}

const peppers = [{ id: 'p', key: new Uint8Array(32).fill(7) }]
/** Each makes a function from a number to whether that verification ended as it should; with a promise where there is no way around one. */
const cases = {
  'floor: crypto.hash + Map, 10 keys': () => floor(10),
  'floor: crypto.hash + Map, 100,000 keys': () => floor(100_000),
  'ours, hit, 10 keys': () => hit(10),
  'ours, hit, 1,000 keys': () => hit(1000),
  'ours, hit, 100,000 keys': () => hit(100_000),
  'ours, hit, file, 10 keys': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    return hit(10, fileStore(join(folder, 'keys.json')))
  },
  'ours, hit, child key': async () => {
    const { keys } = await issue(memoryStore(), 10)
    await keys.create({ name: 'parent', grants: ['admin:delegate', 'get_*'] })
    const child = await keys.issueChild({ idOrName: 'parent' }, { name: 'child', grants: ['get_*'] })
    return () => keys.verify(child.key).ok
  },
  'ours, full path, 10 keys': () => whole(10),
  'ours, full path, 100,000 keys': () => whole(100_000, {}, memoryStore()),
  'ours, full path, pepper, 10 keys': () => whole(10, { peppers }),
  'ours, malformed (bad checksum)': () => refused(mistyped),
  'ours, unknown id': () => refused(unknownKey),
  'ours, wrong secret': () => refused(otherSecret),
  'ours, generate and store': async () => {
    const { keys } = await issue(memoryStore(), 10)
    let made = 0
    return async () => (await keys.create({ name: `made ${++made}`, grants: ['get_*'] })).key.length > 60
  },
  'prefixed-api-key, parse + check, 10 keys': async () => {
    const peer = (await import('prefixed-api-key')).default
    const made = await Promise.all(Array.from({ length: 10 }, () => peer.generateAPIKey({ keyPrefix: 'pck' })))
    const known = new Map(made.map(({ shortToken, longTokenHash }) => [shortToken, longTokenHash]))
    const textAt = anyOf(made.map(({ token }) => token))
    return (i) => peer.checkAPIKey(textAt(i), known.get(peer.extractShortToken(textAt(i))))
  },
  'prefixed-api-key, generate': async () => {
    const peer = (await import('prefixed-api-key')).default
    return async () => (await peer.generateAPIKey({ keyPrefix: 'pck' })).token.length > 30
  },
  'better-auth verifyApiKey, 10 keys': async () => {
    const [{ betterAuth }, { memoryAdapter }, { apiKey }] = await Promise.all([
      import('better-auth'),
      import('better-auth/adapters/memory'),
      import('@better-auth/api-key'),
    ])
    const { api } = betterAuth({
      baseURL: 'http://localhost',
      secret: randomBytes(32).toString('base64'),
      database: memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] }),
      emailAndPassword: { enabled: true },
      plugins: [apiKey({ rateLimit: { enabled: false } })],
    })
    const { user } = await api.signUpEmail({ body: { email: 'a@example.com', password: randomText(20), name: 'a' } })
    const texts = []
    for (let i = 0; i < 10; i++) texts.push((await api.createApiKey({ body: { userId: user.id, name: `k${i}` } })).key)
    const textAt = anyOf(texts)
    return async (i) => (await api.verifyApiKey({ body: { key: textAt(i) } })).valid
  },
  'MCP SDK requireBearerAuth, verifier for nothing': async () => {
    const { requireBearerAuth } = await import('@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js')
    const info = { token: 't', clientId: 'c', scopes: [], expiresAt: Math.floor(Date.now() / 1000) + 3600 }
    const middleware = requireBearerAuth({ verifier: { verifyAccessToken: async () => info } })
    const request = { headers: { authorization: `Bearer ${unknownKey()}` } }
    return async () => {
      let passed = false
      await middleware(request, {}, () => (passed = true))
      return passed
    }
  },
}

const measure = async (operate) => {
  const run = async (ms) => {
    const isLate = operate(0) instanceof Promise
    const begun = performance.now()
    let done = 0
    for (; performance.now() - begun < ms; ) {
      for (let i = 0; i < 100; i++, done++) {
        const good = isLate ? await operate(done) : operate(done)
        if (good !== true) throw new Error('not what it should be')
      }
    }
    return done
  }
  await run(msPerRound / 2)
  const before = process.cpuUsage()
  const done = await run(msPerRound)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / done
}
if (flags.child !== undefined) {
  process.send(await measure(await cases[flags.child]()))
  process.exit()
}

const chosen = Object.keys(cases).filter((name) => flags.case?.includes(name) ?? true)
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

const [ours, bare, prefixed] = [
  'ours, hit, 10 keys',
  'floor: crypto.hash + Map, 10 keys',
  'prefixed-api-key, parse + check, 10 keys',
]
const goals = [
  ['hit / floor', ours, bare, '<= 1.5'],
  ['full path / floor', 'ours, full path, 10 keys', bare, '<= 3'],
  [
    'full path / floor, 100,000 keys',
    'ours, full path, 100,000 keys',
    'floor: crypto.hash + Map, 100,000 keys',
    '<= 3',
  ],
  ['full path with a pepper / floor', 'ours, full path, pepper, 10 keys', bare, '<= 6'],
  ['100,000 keys / 10 keys', 'ours, hit, 100,000 keys', ours, '<= 4'],
  ['unknown id / full path', 'ours, unknown id', 'ours, full path, 10 keys', '<= 1.2'],
  ['prefixed-api-key / hit', prefixed, ours, '>= 3'],
  ['prefixed-api-key / full path', prefixed, 'ours, full path, 10 keys', ''],
  ['better-auth / hit', 'better-auth verifyApiKey, 10 keys', ours, '>= 200'],
]
const ratios = goals.map(([what, a, b, goal]) => [what, { ratio: Number((cpuNs[a] / cpuNs[b]).toFixed(2)), goal }])
console.table(Object.fromEntries(ratios.filter(([, { ratio }]) => !Number.isNaN(ratio))))
const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version
const peers = ['prefixed-api-key', 'better-auth', '@better-auth/api-key', '@modelcontextprotocol/sdk']
console.log(peers.map((name) => `${name} ${versionOf(name)}`).join(', '))
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0].model.trim()}`)
