import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuditLog } from '@portcullis/audit'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { expect, test } from 'vitest'
import { isPlaceholder } from '../src/doctor/environment.ts'
import type { Workspace } from './cli.ts'
import { freshWorkspace, legacyText } from './cli.ts'

interface Shown {
  id: string
  status: string
  message: string
  fix: string
}

/** What is not in order, by check. */
const findings = ({ run }: Workspace, env: Record<string, string> = {}, ...args: string[]) => {
  const { status, stdout } = run(['doctor', '--json', ...args], env)
  const report = JSON.parse(stdout) as { status: string; checks: Shown[] }
  const found = report.checks.filter((check) => check.status !== 'ok')
  expect(status).toBe(found.length === 0 ? 0 : 8)
  return Object.fromEntries(found.map(({ id, ...rest }) => [id, rest]))
}

const day = 86_400_000

test('nothing is wrong before the first key and after it', () => {
  const workspace = freshWorkspace()
  expect(findings(workspace)).toEqual({})
  workspace.run(['keys', 'create', 'ci', '--allow', 'get_*', '--expires', '90d'])
  expect(findings(workspace)).toEqual({})
  const { status, stdout, stderr } = workspace.run(['doctor'])
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout.split('\n').filter((line) => line.startsWith('OK ')).length).toBeGreaterThanOrEqual(10)
})

test('keys that expired, expire soon, may nothing or everything are named; revoked ones are not', async () => {
  const workspace = freshWorkspace()
  const file = join(workspace.cwd, 'config', 'api_keys.json')
  const now = Date.now()
  const then = createApiKeys({ store: fileStore(file), clock: () => now - 10 * day })
  await then.create({ name: 'over', grants: ['get_*'], expiresAtMs: now - day })
  await then.create({ name: 'soon', grants: ['get_*'], expiresAtMs: now + 13 * day })
  await then.create({ name: 'later', grants: ['get_*'], expiresAtMs: now + 15 * day })
  await then.create({ name: 'powerless', grants: [] })
  await then.create({ name: 'powerful', grants: ['*'] })
  await then.create({ name: 'gone', grants: ['*'] })
  await then.revoke('gone')
  workspace.put('config/.gitignore', '*')
  expect(findings(workspace)).toMatchObject({
    'expired-keys': { status: 'warn', message: 'expired: "over"' },
    'expiring-keys': { status: 'warn', message: 'expire within 14 days: "soon"' },
    'keys-without-rights': { status: 'warn', message: 'may do nothing: "powerless"' },
  })
  const { status, stdout, stderr } = workspace.run(['doctor'])
  expect(status).toBe(8)
  expect(stdout).toMatch(/^WARN +expired-keys +expired: "over"$/m)
  expect(stdout).toMatch(/^OK +keys-with-all-rights +may do everything: "powerful"$/m)
  expect(stderr).toContain('expired-keys: portcullis keys revoke NAME')
})

test('keys without a use in 90 days are named where that is known; what is no mistake is a note', async () => {
  const workspace = freshWorkspace()
  const now = Date.now()
  const store = fileStore(join(workspace.cwd, 'config', 'api_keys.json'))
  const then = createApiKeys({ store, clock: () => now - 100 * day })
  const made = new Map<string, string>()
  for (const name of ['busy', 'idle', 'never-used', 'off']) {
    made.set(name, (await then.create({ name, grants: ['get_*'], expiresAtMs: null })).record.id)
  }
  await then.disable('off')
  const { record } = await createApiKeys({ store }).create({ name: 'new', grants: ['get_*'] })
  await createApiKeys({ store }).rotate('new')
  workspace.put('config/.gitignore', '*')
  expect(findings(workspace)).toEqual({})
  // Since uses are noted only lately, nobody knows of the others.
  await store.touch?.(new Map([[made.get('busy') ?? '', now - day]]))
  expect(findings(workspace)).toEqual({})
  await store.touch?.(new Map([[made.get('idle') ?? '', now - 91 * day]]))
  expect(findings(workspace)).toMatchObject({
    'unused-keys': { status: 'warn', message: 'not used in 90 days: "idle", "never-used"' },
  })
  const { stdout } = workspace.run(['doctor'])
  expect(stdout).toMatch(/^OK +key-file +6 keys, 5 of them active, 1 disabled$/m)
  expect(stdout).toMatch(/^OK +disabled-keys +disabled: "off"$/m)
  expect(stdout).toMatch(/^OK +keys-without-expiry +never expire: "busy", "idle", "never-used"$/m)
  expect(stdout).toMatch(new RegExp(`^OK +replaced-keys +still good: "new" \\(${record.id}\\) until \\d{4}-.*Z$`, 'm'))
})

test('keys in a Redis that cannot be opened are a finding, and those of the file are looked at all the same', () => {
  const workspace = freshWorkspace()
  workspace.run(['keys', 'create', 'ci', '--allow', 'get_*'])
  const far = { PORTCULLIS_REDIS_URL: 'redis://:hunter2@redis.example:6379' }
  const found = findings(workspace, far)
  expect(found).toMatchObject({ 'keys-in-redis': { status: 'fail', message: expect.stringContaining('redis') } })
  expect(Object.keys(found)).toEqual(['keys-in-redis'])
  expect(workspace.run(['doctor'], far).stdout).toMatch(/^OK +key-file +1 keys, 1 of them active$/m)
  expect(JSON.stringify(found)).not.toContain('hunter2')
  workspace.put('config/master.key', 'not a key', 0o644)
  expect(findings(workspace, { PORTCULLIS_REDIS_URL: 'redis://127.0.0.1:1' })).toMatchObject({
    'keys-in-redis': { status: 'fail', fix: expect.stringMatching(/^chmod 600 /) },
  })
})

test('unsafe modes come with the chmod', () => {
  const workspace = freshWorkspace()
  workspace.run(['keys', 'create', 'ci', '--allow', 'get_*'])
  const dir = join(workspace.cwd, 'config')
  workspace.put('config/first-key.header', 'X-API-Key: x', 0o644)
  symlinkSync('first-key.header', join(dir, 'linked.key'))
  chmodSync(join(dir, 'api_keys.json'), 0o640)
  chmodSync(dir, 0o770)
  expect(findings(workspace)).toMatchObject({
    directory: { status: 'fail', fix: `chmod 700 ${dir}` },
    'secret-files': { status: 'fail' },
    'key-file': { status: 'fail', fix: `chmod 600 ${join(dir, 'api_keys.json')}` },
  })
  const { stderr } = workspace.run(['doctor'])
  expect(stderr).toContain(`chmod 600 ${join(dir, 'first-key.header')}`)
})

test('damaged and plain-text key files are told apart', () => {
  const workspace = freshWorkspace()
  workspace.put('config/.gitignore', '*')
  workspace.put('config/api_keys.json', '{"format":')
  expect(findings(workspace)).toMatchObject({ 'key-file': { status: 'fail' } })
  workspace.put('config/api_keys.json', legacyText)
  expect(findings(workspace)).toMatchObject({
    'legacy-keys': { status: 'warn', fix: 'portcullis keys migrate' },
  })
})

test('placeholders, short keys and contradictions in the environment', () => {
  const workspace = freshWorkspace()
  const fail = { status: 'fail' }
  expect(findings(workspace, { MCP_API_KEY: 'your-api-key-here-your-api-key-here' })).toMatchObject({
    'environment-key': fail,
  })
  expect(findings(workspace, { MCP_API_KEY: 'k3jf93kfj3' })).toMatchObject({ 'environment-key': fail })
  const good = { MCP_API_KEY: 'k3jf93kfj3k3jf93kfj3k3jf93kfj3k3' }
  expect(findings(workspace, good)).toEqual({})
  expect(findings(workspace, { ...good, MCP_API_KEY_FILE: 'x' })).toMatchObject({ 'environment-conflict': fail })
  const { stdout, stderr } = workspace.run(['doctor'], { MCP_API_KEY: 'k3jf93kfj3' })
  expect(stdout + stderr).not.toContain('k3jf93kfj3')
})

test('what documentation shows is a placeholder, what a generator makes is not', async () => {
  for (const text of ['changeme', 'your_api_key', '<key>', 'test', 'secret-123', 'XXXXXXXX', 'sk-...', 'example-key']) {
    expect(isPlaceholder(text)).toBe(true)
  }
  for (const text of ['test-8f2kd93jf0a', 'Zk3-9_dkWm2QpLr8sTv1XyAb4CeFgHj6', 'sk-dev-abcdef1234567890']) {
    expect(isPlaceholder(text)).toBe(false)
  }
})

test('the audit log is verified with the key of the folder', async () => {
  const workspace = freshWorkspace()
  const file = join(workspace.cwd, 'config', 'audit', 'audit.jsonl')
  const log = createAuditLog({ file })
  await log.record({ type: 'call' })
  await log.close()
  workspace.put('config/.gitignore', '*')
  expect(findings(workspace)).toEqual({})
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, `${text}{"seq"`)
  expect(findings(workspace)).toMatchObject({ 'audit-log': { status: 'warn' } })
  writeFileSync(file, text.replace('"call"', '"Call"'))
  expect(findings(workspace)).toMatchObject({
    'audit-log': { status: 'fail', message: expect.stringContaining('line 2') },
  })
  writeFileSync(file, text)
  chmodSync(file, 0o644)
  expect(findings(workspace)).toMatchObject({ 'audit-log': { status: 'fail', fix: `chmod 600 ${file}` } })
})

test('the configuration file is found or named, and a mistake is placed without quoting it', () => {
  const workspace = freshWorkspace()
  workspace.put('config/.gitignore', '*')
  workspace.put('config/portcullis.yaml', 'name: x\nlisten: { port: 3000 }\n')
  expect(findings(workspace)).toEqual({})
  workspace.put('config/portcullis.yaml', 'name: x\nsecret: "hunter2\n')
  const { configuration } = findings(workspace)
  expect(configuration).toMatchObject({
    status: 'fail',
    message: expect.stringMatching(/portcullis\.yaml:\d+: /),
  })
  expect(configuration?.message).not.toContain('hunter2')
  workspace.put('config/portcullis.yaml', 'lissten: { port: 3000 }\n')
  expect(findings(workspace)['configuration']?.message).toMatch(/unknown key "lissten"; did you mean "listen"/)
  workspace.put('config/portcullis.yaml', 'redis: { url: secret://redis_url }\n')
  expect(findings(workspace)['configuration']).toMatchObject({ status: 'fail' })
  workspace.put('config/portcullis.yaml', 'name: x\n')
  const json = workspace.put('other.json', '{"name":"y"}')
  expect(findings(workspace, {}, '--config', json)).toEqual({})
  workspace.put('other.json', '{"a":')
  expect(findings(workspace, { PORTCULLIS_CONFIG: json })).toMatchObject({ configuration: { status: 'fail' } })
  workspace.put('other.json', '{}', 0o666)
  expect(findings(workspace, {}, '--config', json)).toMatchObject({ configuration: { fix: `chmod 600 ${json}` } })
  expect(findings(workspace, {}, '--config', 'none.yaml')).toMatchObject({ configuration: { status: 'fail' } })
})

test('a folder that was named must be there, and be one', () => {
  const workspace = freshWorkspace()
  expect(findings(workspace, {}, '--dir', 'none')).toMatchObject({ directory: { status: 'fail' } })
  expect(findings(workspace, { PORTCULLIS_HOME: 'none' })).toMatchObject({ directory: { status: 'fail' } })
  workspace.put('file', '')
  expect(findings(workspace, {}, '--dir', 'file')).toMatchObject({ directory: { status: 'fail' } })
  mkdirSync(join(workspace.cwd, 'bare'), { mode: 0o700 })
  expect(findings(workspace, {}, '--dir', 'bare')).toMatchObject({ gitignore: { status: 'warn' } })
})
