import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { expect, test } from 'vitest'
import { freshWorkspace, legacyText, program } from './cli.ts'

const keyLine = /^pck_live_[0-9A-Za-z]{61}\n$/
const open = (cwd: string) => createApiKeys({ store: fileStore(join(cwd, 'config', 'api_keys.json')) })

test('create prints the key alone on standard output and words on standard error', () => {
  const { run, cwd } = freshWorkspace()
  const { status, stdout, stderr } = run(['keys', 'create', 'ci', '--allow', 'get_*', '--allow', '!get_secret'])
  expect(status).toBe(0)
  expect(stdout).toMatch(keyLine)
  expect(stderr).toContain('Created key "ci"')
  expect(stderr).toContain('get_*, !get_secret')
  expect(stderr).not.toContain(stdout.trim())
  expect(open(cwd).verify(stdout.trim())).toMatchObject({ ok: true, principal: { grants: ['get_*', '!get_secret'] } })
})

test('a shell variable takes the key as it is', () => {
  const { cwd } = freshWorkspace()
  const script = `KEY=$("$0" "$1" keys create ci --allow 'get_*' --quiet) && printf '[%s]' "$KEY"`
  const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, program], { cwd, encoding: 'utf8' })
  expect(stdout).toMatch(/^\[pck_live_[0-9A-Za-z]{61}\]$/)
  expect(stderr).toBe('')
})

test('a key without --allow has no rights and says so, even when quiet', () => {
  const { run, cwd } = freshWorkspace()
  for (const [name, extra] of [
    ['a', []],
    ['b', ['--quiet']],
  ] as const) {
    const { status, stdout, stderr } = run(['keys', 'create', name, ...extra])
    expect(status).toBe(0)
    expect(stderr).toContain(`key "${name}" has no rights`)
    expect(open(cwd).verify(stdout.trim())).toMatchObject({ ok: true, principal: { grants: [] } })
  }
})

test('create --json and list --json are objects without hashes', () => {
  const { run } = freshWorkspace()
  const before = Date.now()
  const created = JSON.parse(run(['keys', 'create', 'ci', '--allow', '*', '--expires', '12h', '--json']).stdout)
  expect(created).toMatchObject({ name: 'ci', grants: ['*'], status: 'active', id: expect.any(String) })
  expect(`${created.key}\n`).toMatch(keyLine)
  expect(created.expiresAtMs - before).toBeGreaterThanOrEqual(12 * 3_600_000)
  const { stdout } = run(['keys', 'list', '--json'])
  const { key: _key, ...shown } = created
  expect(JSON.parse(stdout)).toEqual({ keys: [shown] })
  expect(stdout).not.toMatch(/hash|sha256/)
})

test('list is a table; an empty store is no error', () => {
  const { run } = freshWorkspace()
  expect(run(['keys', 'list'])).toMatchObject({ status: 0, stdout: '' })
  expect(JSON.parse(run(['keys', 'list', '--json']).stdout)).toEqual({ keys: [] })
  run(['keys', 'create', 'first', '--allow', 'get_*'])
  run(['keys', 'create', 'second'])
  run(['keys', 'revoke', 'first'])
  const [head, first, second] = run(['keys', 'list']).stdout.split('\n')
  expect(head).toMatch(/^NAME +ID +STATUS +KEY +CREATED +EXPIRES +LAST USED +ALLOWED$/)
  expect(first).toMatch(/^first +\S{12} +revoked .* \d{4}-\d\d-\d\d +- +get_\*$/)
  expect(second).toMatch(/^second +\S{12} +active .* \d{4}-\d\d-\d\d +- +nothing$/)
})

test('the folder is made 0700, git-ignored, and its files are 0600', () => {
  const { run, cwd } = freshWorkspace()
  run(['keys', 'create', 'ci'])
  const dir = join(cwd, 'config')
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  expect(statSync(join(dir, 'api_keys.json')).mode & 0o777).toBe(0o600)
  expect(readdirSync(dir).sort()).toEqual(['.gitignore', 'api_keys.json'])
  spawnSync('git', ['init', '-q'], { cwd })
  const names = [
    'api_keys.json',
    'api_keys.json.uses',
    'api_keys.json.lock',
    'first-key.header',
    'encryption.key',
    'audit/audit.jsonl',
  ]
  const { stdout } = spawnSync('git', ['check-ignore', ...names.map((name) => `config/${name}`)], {
    cwd,
    encoding: 'utf8',
  })
  expect(stdout.trim().split('\n')).toHaveLength(names.length)
})

test('an existing .gitignore is left alone', () => {
  const { run, cwd, put } = freshWorkspace()
  put('config/.gitignore', '*\n')
  run(['keys', 'create', 'ci'])
  expect(readFileSync(join(cwd, 'config', '.gitignore'), 'utf8')).toBe('*\n')
})

test('revoke needs no terminal, takes a name or an id, and may be repeated', () => {
  const { run, cwd } = freshWorkspace()
  const key = run(['keys', 'create', 'ci', '--quiet']).stdout.trim()
  const other = JSON.parse(run(['keys', 'create', 'other', '--json']).stdout)
  const revoked = run(['keys', 'revoke', 'ci', '--reason', 'left in a log'])
  expect(revoked).toMatchObject({ status: 0, stdout: '' })
  expect(revoked.stderr).toMatch(/^Revoked key "ci" \(\S{12}\)\.\n$/)
  expect(open(cwd).verify(key)).toEqual({ ok: false, reason: 'revoked' })
  expect(run(['keys', 'revoke', 'ci']).stderr).toContain('was revoked already')
  const json = JSON.parse(run(['keys', 'revoke', other.id, '--yes', '--json']).stdout)
  expect(json).toMatchObject({ name: 'other', status: 'revoked' })
})

test('an unknown name is exit 3, a name in use 5, a malformed grant or time 2', () => {
  const { run, cwd } = freshWorkspace()
  expect(run(['keys', 'revoke', 'nobody'])).toMatchObject({
    status: 3,
    stderr: 'portcullis: there is no key of that name or id\n',
  })
  for (const allow of ['', 'a b']) {
    expect(run(['keys', 'create', 'x', '--allow', allow])).toMatchObject({ status: 2, stdout: '' })
  }
  for (const expires of ['-1d', '2020-01-01']) {
    const { status, stdout, stderr } = run(['keys', 'create', 'x', `--expires=${expires}`])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(JSON.stringify(expires))
  }
  expect(readdirSync(cwd)).toEqual([])
  run(['keys', 'create', 'ci'])
  expect(run(['keys', 'create', 'ci'])).toMatchObject({
    status: 5,
    stdout: '',
    stderr: 'portcullis: a key named "ci" exists already\n',
  })
})

test('a key file that others can read is exit 78 with the chmod that mends it', () => {
  const { run, cwd } = freshWorkspace()
  run(['keys', 'create', 'ci'])
  const file = join(cwd, 'config', 'api_keys.json')
  for (const [mode, ...commands] of [
    [0o644, ['list'], ['create', 'x'], ['revoke', 'ci'], ['migrate']],
    [0o660, ['list']],
  ] as const) {
    chmodSync(file, mode)
    for (const args of commands) {
      const { status, stdout, stderr } = run(['keys', ...args])
      expect([status, stdout]).toEqual([78, ''])
      expect(stderr).toContain(`chmod 600 ${file}`)
    }
  }
  spawnSync('sh', ['-c', run(['keys', 'list']).stderr.split('to mend it: ')[1] ?? ''])
  expect(run(['keys', 'list']).status).toBe(0)
})

test('a folder that others can write, or that is a file, is exit 78', () => {
  const { run, cwd, put } = freshWorkspace()
  run(['keys', 'create', 'ci'])
  chmodSync(join(cwd, 'config'), 0o777)
  const { status, stderr } = run(['keys', 'create', 'x'])
  expect(status).toBe(78)
  expect(stderr).toContain(`chmod 700 ${join(cwd, 'config')}`)
  put('file', '')
  expect(run(['keys', 'create', 'x', '--dir', 'file']).status).toBe(78)
  expect(run(['keys', 'create', 'x', '--dir', 'file/deeper']).status).toBe(78)
})

test('a damaged key file is exit 78 and stays as it is', () => {
  const { run, put } = freshWorkspace()
  for (const [content, ...commands] of [
    ['{"format":"portcullis-api-keys","version":1', ['list'], ['create', 'x'], ['revoke', 'ci'], ['migrate']],
    ['', ['create', 'x']],
    ['{"format":"x"}', ['create', 'x']],
  ] as const) {
    const file = put('config/api_keys.json', content)
    for (const args of commands) {
      const { status, stdout, stderr } = run(['keys', ...args])
      expect([status, stdout]).toEqual([78, ''])
      expect(stderr).toMatch(/^portcullis: key file .* is damaged: .*\n$/)
    }
    expect(readFileSync(file, 'utf8')).toBe(content)
  }
})

test('a link in the place of the key file is refused', () => {
  const { run, cwd, put } = freshWorkspace()
  put('config/.gitignore', '*')
  symlinkSync(put('elsewhere.json', '{}'), join(cwd, 'config', 'api_keys.json'))
  expect(run(['keys', 'list'])).toMatchObject({ status: 78 })
})

test('plain-text keys of the old format are exit 5 until migrated, and then work as before', () => {
  const { run, cwd, put } = freshWorkspace()
  const file = put('config/api_keys.json', legacyText)
  for (const args of [['list'], ['create', 'x'], ['revoke', 'production'], ['revoke', 'nobody']]) {
    const { status, stderr } = run(['keys', ...args])
    expect(status).toBe(5)
    expect(stderr).toContain('portcullis keys migrate')
  }
  expect(readFileSync(file, 'utf8')).toBe(legacyText)
  const migrated = run(['keys', 'migrate'])
  expect(migrated).toMatchObject({ status: 0, stdout: '' })
  expect(migrated.stderr).toContain('Migrated 2 keys')
  expect(migrated.stderr).toContain('can be guessed; replace them: "development"')
  expect(migrated.stderr + readFileSync(file, 'utf8')).not.toContain('sk-')
  expect(open(cwd).verify('sk-dev-abcdef1234567890')).toMatchObject({ principal: { grants: ['hello_world', 'echo'] } })
  expect(run(['keys', 'migrate']).stderr).toContain('nothing to do')
  expect(run(['keys', 'revoke', 'development']).status).toBe(0)
})

test('migrate without a file is exit 3, and its JSON lists what was migrated', () => {
  const { run, put } = freshWorkspace()
  expect(run(['keys', 'migrate'])).toMatchObject({ status: 3, stdout: '' })
  put('config/api_keys.json', legacyText)
  const { migrated } = JSON.parse(run(['keys', 'migrate', '--json']).stdout)
  expect(migrated.map((key: { name: string }) => key.name)).toEqual(['production', 'development'])
})
