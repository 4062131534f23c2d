import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { expect, test } from 'vitest'
import { freshWorkspace, type Workspace } from './cli.ts'

const hour = 3_600_000
const open = ({ cwd }: Workspace) => createApiKeys({ store: fileStore(join(cwd, 'config', 'api_keys.json')) })
const foreign = 'sk-prod-1234567890abcdef1234567890'
const digest = createHash('sha256').update(foreign).digest()

test('a key is issued in the name of another, with part of its rights, and ends with it', () => {
  const workspace = freshWorkspace()
  const { run } = workspace
  run(['keys', 'create', 'agent', '--allow', 'get_*', '--allow', 'admin:delegate', '--owner', 'ann', '--env', 'test'])
  const { status, stdout, stderr } = run(['keys', 'issue', 'agent', 'sub', '--allow', 'get_time'])
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^pck_test_[0-9A-Za-z]{61}\n$/)])
  expect(stderr).toContain('Key "agent" issued key "sub"')
  expect(open(workspace).verify(stdout.trim())).toMatchObject({ ok: true, principal: { grants: ['get_time'] } })
  const shown = JSON.parse(run(['keys', 'show', 'sub', '--json']).stdout)
  expect(shown).toMatchObject({ owner: 'ann', issuedBy: { name: 'agent' } })
  expect(Math.abs(shown.expiresAtMs - Date.now() - hour)).toBeLessThan(600_000)
  const longer = run(['keys', 'issue', 'agent', 'day', '--allow', 'get_time', '--expires', '1d', '--quiet'])
  expect([longer.status, longer.stderr]).toEqual([0, ''])
  run(['keys', 'revoke', 'agent'])
  expect(open(workspace).verify(stdout.trim())).toEqual({ ok: false, reason: 'parent' })
}, 60_000)

test('what a key may not give is exit 4', () => {
  const { run } = freshWorkspace()
  run(['keys', 'create', 'plain', '--allow', '*'])
  run(['keys', 'create', 'agent', '--allow', 'get_*', '--allow', 'admin:delegate'])
  for (const args of [
    ['plain', 'x', '--allow', 'get_time'],
    ['agent', 'x', '--allow', '*'],
    ['agent', 'x', '--allow', 'get_time', '--expires', '100d'],
  ]) {
    const { status, stdout, stderr } = run(['keys', 'issue', ...args])
    expect([args, status, stdout]).toEqual([args, 4, ''])
    expect(stderr).toMatch(/^portcullis: [\x20-\x7e]+\n$/)
  }
  for (const [status, ...args] of [
    [3, 'nobody', 'x'],
    [5, 'agent', 'plain'],
    [2, 'agent', 'x', '--allow', 'a b'],
    [2, 'agent', 'x', '--expires', 'never'],
    [2, 'agent', 'x', '--owner', 'x'],
    [2, 'agent', 'x', '--limit', '1/1m'],
    [2, 'agent'],
  ] as [number, ...string[]][]) {
    expect([args, run(['keys', 'issue', ...args]).status]).toEqual([args, status])
  }
}, 60_000)

test('import takes a key from standard input, keeps its hash alone, and says what is weak', () => {
  const workspace = freshWorkspace()
  const done = workspace.pipe(['keys', 'import', 'old', '--allow', 'get_*', '--origin', 'vault'], `${foreign}\r\n`)
  expect(done).toMatchObject({ status: 0, stdout: '' })
  expect(done.stderr).toMatch(/^Imported key "old" \(imp-\S+\): allowed: get_\*; expires: never\. /)
  const file = readFileSync(join(workspace.cwd, 'config', 'api_keys.json'), 'utf8')
  expect(done.stderr + file).not.toContain(foreign)
  expect(open(workspace).verify(foreign)).toMatchObject({ ok: true, record: { origin: 'vault', expiresAtMs: null } })
  const short = workspace.pipe(['keys', 'import', 'short', '--json'], 'hunter2hunter2')
  expect(short.stderr).toContain('shorter than 32 characters can be guessed')
  expect(short.stderr + short.stdout).not.toContain('hunter2')
  expect(JSON.parse(short.stdout)).toMatchObject({ name: 'short', grants: [], last4: '', status: 'active' })
  expect(workspace.pipe(['keys', 'import', 'again'], foreign)).toMatchObject({ status: 5, stdout: '' })
  expect(workspace.pipe(['keys', 'import', 'old'], 'another-key')).toMatchObject({ status: 5, stdout: '' })
}, 60_000)

test('import --hash takes SHA-256 in hex and base64', () => {
  for (const text of [digest.toString('hex'), digest.toString('base64'), digest.toString('base64url')]) {
    const workspace = freshWorkspace()
    const done = workspace.pipe(['keys', 'import', 'old', '--hash', '--allow', 'get_*'], `${text}\n`)
    expect([done.status, done.stderr]).toEqual([0, expect.not.stringContaining(text)])
    expect(open(workspace).verify(foreign)).toMatchObject({ ok: true, principal: { grants: ['get_*'] } })
  }
}, 60_000)

test('what cannot be imported is exit 2, repeated nowhere, and leaves nothing behind', () => {
  const workspace = freshWorkspace()
  const { pipe, cwd } = workspace
  const mistyped = `pck_live_${'a'.repeat(61)}`
  const cases: [string[], string | Uint8Array][] = [
    [['old'], ''],
    [['old'], '\n'],
    [['old'], 'two words'],
    [['old'], `${foreign}\n${foreign}`],
    [['old'], 'esc\u001b[2Jape'],
    [['old'], 'schlüssel'],
    [['old'], Buffer.from([0xff, 0xfe])],
    [['old'], mistyped],
    [['old'], 'x'.repeat(4097)],
    [['old'], 'x'.repeat(3_000_000)],
    [['old', '--hash'], foreign],
    [['old', '--hash'], digest.toString('hex').slice(1)],
    [['old', '--hash'], `${digest.toString('hex')}00`],
    [['old', '--hash'], digest.subarray(1).toString('base64')],
    [['old', '--hash'], ''],
    [['old', foreign], foreign],
    [['old', '--key', foreign], foreign],
    [[foreign], foreign],
    [['old', '--allow', 'a b'], foreign],
    [['old', '--limit', '1/0s'], foreign],
    [['old', '--env', 'test'], foreign],
  ]
  for (const [args, input] of cases) {
    const { status, stdout, stderr } = pipe(['keys', 'import', ...args], input)
    expect([args, String(input).slice(0, 40), status, stdout]).toEqual([args, String(input).slice(0, 40), 2, ''])
    expect(stderr).toMatch(/^portcullis: [\x20-\x7e]{1,300}\n$/)
    expect(stderr).not.toContain(foreign)
    expect(stderr).not.toContain('aaaaaaaaaa')
  }
  expect(readdirSync(cwd)).toEqual([])
}, 60_000)

test('check tells offline whether the checksum holds, and never shows the text', () => {
  const { run, pipe, cwd } = freshWorkspace()
  const key = run(['keys', 'create', 'ci', '--quiet', '--dir', 'elsewhere', '--env', 'test']).stdout.trim()
  const good = pipe(['keys', 'check'], `${key}\n`)
  expect(good.status).toBe(0)
  expect(good.stdout).toBe(`PREFIX  ENV   ID\npck     test  ${key.slice(9, 21)}\n`)
  expect(JSON.parse(pipe(['keys', 'check', '--json'], key).stdout)).toEqual({
    intact: true,
    prefix: 'pck',
    env: 'test',
    id: key.slice(9, 21),
  })
  const wrong = `${key.slice(0, 40)}${key[40] === 'a' ? 'b' : 'a'}${key.slice(41)}`
  for (const text of [wrong, key.slice(0, -1), `${key}x`, ` ${key}`, `${key}\n\n`, foreign, '', 'x', '\u001b[2J']) {
    const { status, stdout, stderr } = pipe(['keys', 'check'], text)
    expect([text.length, status, stdout]).toEqual([text.length, 8, ''])
    expect(stderr).toBe('Not a key of this format, or mistyped: the checksum does not hold.\n')
  }
  expect(JSON.parse(pipe(['keys', 'check', '--json'], wrong).stdout)).toEqual({ intact: false })
  expect(good.stdout + good.stderr).not.toContain(key.slice(21))
  expect(pipe(['keys', 'check'], 'x'.repeat(100_000))).toMatchObject({ status: 2, stdout: '' })
  expect(pipe(['keys', 'check', 'abc'], key)).toMatchObject({ status: 2, stdout: '' })
  expect(existsSync(join(cwd, 'config'))).toBe(false)
}, 60_000)

test('export is a document of all records without hashes', async () => {
  const workspace = freshWorkspace()
  const { run } = workspace
  expect(JSON.parse(run(['keys', 'export']).stdout)).toMatchObject({ version: 1, keys: [] })
  run(['keys', 'create', 'ci', '--allow', 'get_*', '--owner', 'ann'])
  run(['keys', 'rotate', 'ci'])
  run(['keys', 'disable', 'ci'])
  const { status, stdout, stderr } = run(['keys', 'export'])
  expect([status, stderr]).toEqual([0, ''])
  const [one, other] = await open(workspace).list()
  const { hash: _hash, alg: _alg, ...first } = one as NonNullable<typeof one>
  expect(JSON.parse(stdout)).toEqual({
    format: 'portcullis-api-keys-export',
    version: 1,
    exportedAtMs: expect.any(Number),
    keys: [first, expect.objectContaining({ id: other?.id, status: 'disabled' })],
  })
  expect(stdout).not.toContain(one?.hash)
}, 60_000)
