// Packs every published package and app as a user would get it, looks at the tarball with publint and attw, installs it alone
// (with the packages of ours that it names) into an empty project, and uses it there.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name) => join(root, 'node_modules', '.bin', name)
const work = mkdtempSync(join(tmpdir(), 'portcullis-packages-'))
const tarballs = join(work, 'tarballs')
mkdirSync(tarballs)
const run = (command, args, cwd) =>
  promisify(execFile)(command, args, {
    cwd,
    maxBuffer: 1 << 26,
    env: { ...process.env, CI: 'true', DO_NOT_TRACK: '1' },
  })

/** What a newcomer's first line with each package does. Every published package must be here. */
const uses = {
  '@portcullis/authz': `
    import { compileGrants } from '@portcullis/authz'
    const grants = compileGrants(['get_*'])
    console.log(grants.decide({ kind: 'tool', server: 'local', name: 'get_time' }).allowed, grants.decide({ kind: 'tool', server: 'local', name: 'echo' }).allowed)`,
  '@portcullis/auth-apikey': `
    import { createApiKeys, memoryStore } from '@portcullis/auth-apikey'
    const keys = createApiKeys({ store: memoryStore() })
    const { key } = await keys.create({ name: 'ci', grants: ['get_*'] })
    console.log((await keys.verify(key)).ok, (await keys.verify(key + 'x')).ok)`,
  '@portcullis/auth-oauth2': `
    import { createTokenVerifier, protectedResourceMetadata } from '@portcullis/auth-oauth2'
    const [resource, issuer] = ['https://mcp.example.com/mcp', 'https://id.example.com']
    const { document } = protectedResourceMetadata({ resource, authorizationServers: [issuer] })
    const verifier = createTokenVerifier({ resource, issuers: [{ issuer }] })
    console.log(document.resource === resource, (await verifier.verify('nonsense')).ok)`,
  '@portcullis/config-crypto': `
    import { createConfig, keys, openConfigSync } from '@portcullis/config-crypto'
    import { readFileSync } from 'node:fs'
    const config = await createConfig('secrets.json', { keys: [keys.file('secrets.key')] })
    await config.set('token', 'a value of mine')
    const read = openConfigSync('secrets.json', { keys: [keys.file('secrets.key')] }).get('token')
    console.log(read === 'a value of mine', readFileSync('secrets.json', 'utf8').includes('a value of mine'))`,
  '@portcullis/ratelimit': `
    import { createRateLimiter } from '@portcullis/ratelimit'
    const limiter = createRateLimiter({ limits: [{ name: 'calls', algorithm: 'window', limit: 1, windowMs: 60_000 }] })
    console.log(limiter.check('a').allowed, limiter.check('a').allowed)`,
  '@portcullis/validator': `
    import { createValidator } from '@portcullis/validator'
    const validator = createValidator({ preset: 'strict' })
    console.log(validator.checkText('{}').length === 0, validator.checkText('{"__proto__":{}}').length === 0)`,
  '@portcullis/audit': `
    import { createAuditLog, verifyAuditLog } from '@portcullis/audit'
    import { appendFileSync } from 'node:fs'
    const log = await createAuditLog({ file: 'audit.jsonl' })
    await log.record({ type: 'test' })
    await log.close()
    const whole = (await verifyAuditLog({ file: 'audit.jsonl' })).status
    appendFileSync('audit.jsonl', '{"seq":99}\\n')
    console.log(whole === 'ok', (await verifyAuditLog({ file: 'audit.jsonl' })).status === 'ok')`,
  '@portcullis/guard': `
    import { createPolicy } from '@portcullis/authz'
    import { createGuard } from '@portcullis/guard'
    const verify = (text) => (text === 'k' ? { ok: true, principal: { id: 'a', method: 'api_key', grants: ['*'], authenticatedAtMs: 0 } } : { ok: false, reason: 'unknown' })
    const guard = createGuard({ authenticate: { apiKeys: { verify } }, policy: createPolicy() })
    const open = (text) => guard.open({ transport: 'http', credential: { source: 'api_key', text } })
    console.log((await open('k')).ok, (await open('x')).ok)`,
  '@portcullis/transport': `
    import { createPolicy } from '@portcullis/authz'
    import { createGuard } from '@portcullis/guard'
    import { serveHttp } from '@portcullis/transport'
    const verify = (text) => (text === 'k' ? { ok: true, principal: { id: 'a', method: 'api_key', grants: ['*'], authenticatedAtMs: 0 } } : { ok: false, reason: 'unknown' })
    const guard = createGuard({ authenticate: { apiKeys: { verify } }, policy: createPolicy() })
    const server = { async connect(transport) { transport.onmessage = (message) => message.id && transport.send({ jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} } }) } }
    const served = await serveHttp(server, { guard, port: 0 })
    const ask = async (key) => (await fetch(served.url, { method: 'POST', headers: { 'content-type': 'application/json', 'x-api-key': key }, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })).status
    console.log((await ask('k')) === 200, (await ask('x')) === 200)
    await served.close(0)`,
  '@portcullis/admin-cli': `
    import { spawnSync } from 'node:child_process'
    const run = (...args) => spawnSync('node_modules/.bin/portcullis', ['--dir', 'c', ...args], { encoding: 'utf8' })
    console.log(run('keys', 'create', 'ci', '--allow', 'get_*').status === 0, run('keys', 'revoke', 'nobody').status === 0)`,
  '@portcullis/secure-server': `
    import { spawnSync } from 'node:child_process'
    const run = (input, env) => spawnSync('node_modules/.bin/portcullis-server', ['--stdio'], { input, encoding: 'utf8', env: { ...process.env, ...env } }).stdout
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}\\n'
    console.log(run(ping, { MCP_API_KEY: 'k' }).includes('"result":{}'), run(ping, {}).includes('"result":{}'))`,
}

const workspaces = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => join(root, group, name)),
)
const manifests = new Map(
  workspaces
    .map((dir) => [dir, JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))])
    .filter(([, { private: own }]) => own !== true),
)

/** The tarballs that a package needs: its own and those of ours that it depends on, in turn. */
const closure = (name, packed, seen = new Set()) => {
  if (seen.has(name)) return seen
  seen.add(name)
  for (const dependency of Object.keys(packed.get(name).dependencies ?? {}))
    if (packed.has(dependency)) closure(dependency, packed, seen)
  return seen
}

const problems = []
const packed = new Map()
for (const [dir, manifest] of manifests) {
  const { stdout } = await run(bin('pnpm'), ['pack', '--pack-destination', tarballs, '--json'], dir)
  const file = JSON.parse(stdout).filename
  packed.set(manifest.name, {
    file: file.startsWith('/') ? file : join(tarballs, file),
    dependencies: manifest.dependencies,
    library: manifest.exports?.['.'] !== undefined,
  })
}

const check = async ([name, { file, library }]) => {
  const fail = (what, error) => problems.push(`${name}: ${what}\n${error.stdout ?? ''}${error.stderr ?? error}`)
  await run(bin('publint'), ['run', file, '--strict']).catch((error) => fail('publint', error))
  if (library) await run(bin('attw'), [file, '--profile', 'esm-only']).catch((error) => fail('attw', error))
  const use = uses[name]
  if (use === undefined) return problems.push(`${name}: scripts/check-packages.mjs does not use it`)

  const project = join(work, name.replace('/', '_'))
  mkdirSync(project)
  const own = Object.fromEntries([...closure(name, packed)].map((each) => [each, `file:${packed.get(each).file}`]))
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: { [name]: own[name] }, overrides: own }),
  )
  writeFileSync(join(project, 'use.mjs'), use)
  try {
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], project)
    const { stdout } = await run(process.execPath, ['use.mjs'], project)
    if (stdout !== 'true false\n')
      problems.push(`${name}: using it printed ${JSON.stringify(stdout)}, not "true false"`)
  } catch (error) {
    fail('installed alone', error)
  }
}
const queue = [...packed]
await Promise.all(
  [0, 1].map(async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await check(next)
  }),
)
rmSync(work, { recursive: true, force: true })
if (problems.length > 0) {
  console.error(problems.join('\n\n'))
  process.exit(1)
}
console.log(`${packed.size} packages: packed, checked, installed alone and used`)
