import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { expect, test } from 'vitest'
import { freshWorkspace, type Workspace } from './cli.ts'

const hour = 3_600_000
const day = 24 * hour
const keyLine = /^pck_live_[0-9A-Za-z]{61}\n$/
const open = ({ cwd }: Workspace, nowMs = Date.now()) =>
  createApiKeys({ store: fileStore(join(cwd, 'config', 'api_keys.json')), clock: () => nowMs })
const create = ({ run }: Workspace, ...args: string[]): string =>
  run(['keys', 'create', ...args, '--quiet']).stdout.trim()
const list = ({ run }: Workspace, ...args: string[]): { id: string; name: string; status: string }[] =>
  JSON.parse(run(['keys', 'list', '--json', ...args]).stdout).keys
const idOf = ({ run }: Workspace, name: string): string => JSON.parse(run(['keys', 'show', name, '--json']).stdout).id

test('rotate prints the new key alone; both are good for a day; the words say until when', () => {
  const workspace = freshWorkspace()
  const old = create(workspace, 'ci', '--allow', 'get_*')
  const { status, stdout, stderr } = workspace.run(['keys', 'rotate', 'ci'])
  expect([status, stdout]).toEqual([0, expect.stringMatching(keyLine)])
  const keys = open(workspace)
  expect([keys.verify(old), keys.verify(stdout.trim())]).toMatchObject([{ ok: true }, { ok: true }])
  const tomorrow = new Date(Date.now() + day).toISOString().slice(0, 10)
  expect(stderr).toMatch(new RegExp(`Rotated key "ci": .* the old one \\(\\S{12}\\) is good until ${tomorrow}T`))
  expect(stderr).not.toContain(stdout.trim().slice(20))
  expect(open(workspace, Date.now() + day + 1000).verify(old)).toEqual({ ok: false, reason: 'rotated' })
}, 60_000)

test('a successor keeps the name, the rights and the second word of the key', () => {
  const workspace = freshWorkspace()
  create(workspace, 'ci', '--allow', 'get_*', '--env', 'test', '--owner', 'ann')
  const nowMs = Date.now()
  const args = ['keys', 'rotate', 'ci', '--overlap', '2h', '--first-use', '--json']
  const next = JSON.parse(workspace.run(args).stdout)
  expect(next).toMatchObject({ name: 'ci', env: 'test', owner: 'ann', grants: ['get_*'], rev: 1, status: 'active' })
  expect(next.key).toMatch(/^pck_test_/)
  expect(next.previous).toEqual({ id: next.replaces, endsAtMs: expect.any(Number) })
  expect(Math.abs(next.previous.endsAtMs - nowMs - 2 * hour)).toBeLessThan(600_000)
  expect(workspace.run(['keys', 'show', next.replaces]).stdout).toContain('when that is used')
}, 60_000)

test('rotate --leaked ends the old key at once, --quiet says nothing, contradictions are exit 2', () => {
  const workspace = freshWorkspace()
  const old = create(workspace, 'ci')
  const { status, stdout, stderr } = workspace.run(['keys', 'rotate', 'ci', '--leaked', '--quiet'])
  expect([status, stderr]).toEqual([0, ''])
  expect(open(workspace).verify(old)).toEqual({ ok: false, reason: 'rotated' })
  expect(open(workspace).verify(stdout.trim())).toMatchObject({ ok: true })
  for (const args of [
    ['--leaked', '--overlap', '1h'],
    ['--leaked', '--first-use'],
    ['--overlap', '0s'],
    ['--overlap', 'soon'],
    ['--overlap', '367d'],
  ]) {
    expect([args, workspace.run(['keys', 'rotate', 'ci', ...args]).status]).toEqual([args, 2])
  }
  expect(list(workspace)).toHaveLength(2)
  const id = list(workspace)[0]?.id ?? ''
  expect(workspace.run(['keys', 'rotate', id])).toMatchObject({ status: 5, stdout: '' })
  expect(workspace.run(['keys', 'rotate', 'nobody'])).toMatchObject({ status: 3, stdout: '' })
}, 60_000)

test('a rotation whose key could not be shown is undone: the old key is good as before, and can be rotated', () => {
  const workspace = freshWorkspace()
  const old = create(workspace, 'ci', '--allow', 'get_*')
  for (const flags of ['', '--json', '--first-use']) {
    const { status, stderr } = workspace.shell(`portcullis keys rotate ci ${flags} > /dev/full`)
    expect([status, stderr]).toEqual([1, expect.stringContaining('ENOSPC')])
    if (flags !== '--json') expect(stderr).toContain('the old key of "ci" is good as before')
  }
  const [first, ...unseen] = list(workspace)
  expect(first).toMatchObject({ name: 'ci', status: 'active' })
  expect(first).not.toHaveProperty('replaced')
  expect(unseen.map(({ status }) => status)).toEqual(['revoked', 'revoked', 'revoked'])
  expect(open(workspace, Date.now() + 2 * day).verify(old)).toMatchObject({ ok: true })
  const next = workspace.run(['keys', 'rotate', 'ci', '--quiet']).stdout.trim()
  expect(open(workspace).verify(next)).toMatchObject({ ok: true, principal: { grants: ['get_*'] } })
  expect(workspace.run(['keys', 'revoke', 'ci']).status).toBe(0)
  for (const key of [old, next]) expect(open(workspace).verify(key)).toEqual({ ok: false, reason: 'revoked' })
}, 60_000)

test('a leaked key stays refused when its successor could not be shown, and its owner can go on', () => {
  const workspace = freshWorkspace()
  const old = create(workspace, 'ci', '--allow', 'get_*')
  const { status, stderr } = workspace.shell('portcullis keys rotate ci --leaked > /dev/full')
  expect(status).toBe(1)
  expect(open(workspace).verify(old)).toMatchObject({ ok: false })
  expect(list(workspace)).toMatchObject([{ status: expect.not.stringMatching('active') }, { status: 'disabled' }])
  const commands = /To go on: (.*), then (.*)$/m.exec(stderr) ?? []
  const done = workspace.shell(`${commands[1]} && ${commands[2]} --quiet`)
  expect(done.stdout).toMatch(keyLine)
  expect(open(workspace).verify(done.stdout.trim())).toMatchObject({ ok: true })
  expect(open(workspace).verify(old)).toEqual({ ok: false, reason: 'rotated' })
}, 60_000)

test('with standard output closed or thrown away no key is replaced, and a new one is said to be of no use', () => {
  const workspace = freshWorkspace()
  for (const [name, to] of [
    ['closed', '>&-'],
    ['thrown-away', '> /dev/null'],
  ]) {
    const { status, stderr } = workspace.shell(`portcullis keys create ${name} --allow admin:delegate --quiet ${to}`)
    expect([status, stderr]).toEqual([0, expect.stringContaining(`nobody has seen key "${name}"`)])
    const rotated = workspace.shell(`portcullis keys rotate ${name} ${to}`)
    expect([rotated.status, rotated.stderr]).toEqual([1, expect.stringContaining('none was made')])
  }
  expect(list(workspace)).toHaveLength(2)
}, 60_000)

test('a reader that went away leaves no key behind that nobody saw', () => {
  const workspace = freshWorkspace()
  create(workspace, 'ci', '--allow', 'admin:delegate')
  // `true` has ended long before the program writes.
  const { stdout } = workspace.shell('exec 3>&1; (portcullis keys issue ci sub; echo "exit code $?" >&3) | true')
  expect(stdout).toContain('exit code 1')
  expect(list(workspace).map(({ name, status }) => [name, status])).toEqual([
    ['ci', 'active'],
    ['sub', 'revoked'],
  ])
}, 60_000)

test('disable and enable, with a reason, and again', () => {
  const workspace = freshWorkspace()
  const key = create(workspace, 'ci')
  const { run } = workspace
  expect(run(['keys', 'disable', 'ci', '--reason', 'holiday'])).toMatchObject({ status: 0, stdout: '' })
  expect(open(workspace).verify(key)).toEqual({ ok: false, reason: 'disabled' })
  expect(run(['keys', 'disable', 'ci']).stderr).toContain('was disabled already')
  expect(run(['keys', 'show', 'ci']).stdout).toMatch(/^reason +holiday$/m)
  expect(run(['keys', 'rotate', 'ci'])).toMatchObject({ status: 5, stdout: '' })
  expect(JSON.parse(run(['keys', 'enable', 'ci', '--json']).stdout)).toMatchObject({ name: 'ci', status: 'active' })
  expect(open(workspace).verify(key)).toMatchObject({ ok: true })
  expect(run(['keys', 'enable', 'ci']).stderr).toContain('was not disabled')
  run(['keys', 'revoke', 'ci'])
  for (const command of ['disable', 'enable']) expect(run(['keys', command, 'ci']).status).toBe(5)
  for (const command of ['disable', 'enable']) expect(run(['keys', command, 'nobody']).status).toBe(3)
}, 60_000)

test('all keys of an owner or tenant are revoked when it is meant', () => {
  const workspace = freshWorkspace()
  const { run, pipe } = workspace
  for (const [name, owner, tenant] of [
    ['a', 'ann', 't'],
    ['b', 'ann', 'u'],
    ['c', 'bob', 't'],
  ] as const) {
    create(workspace, name, '--owner', owner, '--tenant', tenant)
  }
  const states = () => list(workspace).map(({ status }) => status)
  const unsure = pipe(['keys', 'revoke', '--owner', 'ann'], 'yes\n')
  expect([unsure.status, unsure.stdout]).toEqual([2, ''])
  expect(unsure.stderr).toContain('would revoke 2 keys of owner "ann"')
  for (const args of [['a', '--owner', 'ann'], [], ['--owner', ''], ['--yes']]) {
    expect([args, [2, 3].includes(run(['keys', 'revoke', ...args]).status ?? 0)]).toEqual([args, true])
  }
  expect(run(['keys', 'revoke', '--owner', 'An', '--yes'])).toMatchObject({
    status: 3,
    stderr: 'portcullis: there is no key of owner "An"\n',
  })
  expect(states()).toEqual(['active', 'active', 'active'])
  const one = run(['keys', 'revoke', '--owner', 'ann', '--tenant', 'u', '--yes', '--reason', 'left', '--json'])
  expect(JSON.parse(one.stdout)).toMatchObject({ revoked: [{ name: 'b', status: 'revoked', revokedReason: 'left' }] })
  expect(run(['keys', 'revoke', '--tenant', 't', '--yes']).stderr).toBe('Revoked 2 keys of tenant "t": "a", "c".\n')
  expect(states()).toEqual(['revoked', 'revoked', 'revoked'])
  const again = run(['keys', 'revoke', '--owner', 'ann', '--json'])
  expect([again.status, JSON.parse(again.stdout)]).toEqual([0, { revoked: [] }])
}, 60_000)

test('what only reads makes nothing: no folder, no key', () => {
  const { run, pipe, cwd } = freshWorkspace()
  run(['keys', 'list'])
  run(['keys', 'show', 'x'])
  run(['keys', 'export'])
  run(['doctor'])
  pipe(['keys', 'check'], 'x')
  run(['keys', 'revoke', 'x'])
  run(['keys', 'rotate', 'x'])
  expect(readdirSync(cwd)).toEqual([])
}, 60_000)

test('a name that a key has given up changes nothing that goes by another now', () => {
  const workspace = freshWorkspace()
  const { run } = workspace
  create(workspace, 'ci')
  run(['keys', 'rotate', 'ci', '--leaked'])
  run(['keys', 'update', 'ci', '--rename', 'ci-2'])
  for (const args of [
    ['revoke', 'ci'],
    ['disable', 'ci'],
    ['update', 'ci', '--owner', 'x'],
    ['rotate', 'ci'],
  ]) {
    expect([args, run(['keys', ...args])]).toMatchObject([args, { status: 3, stdout: '' }])
  }
  expect(run(['keys', 'show', 'ci']).stdout).toMatch(/^replaced by +\S{12} \("ci-2", active\), ended$/m)
  expect(run(['keys', 'list']).stdout).toMatch(/^ci +\S+ +rotated +\S+ +\S+ +ended +- +nothing$/m)
  expect(run(['keys', 'revoke', 'ci-2']).status).toBe(0)
}, 60_000)

test('of two administrators one is told when both change the same', async () => {
  const workspace = freshWorkspace()
  const { start } = workspace
  const made = await Promise.all(Array.from({ length: 3 }, () => start(['keys', 'create', 'ci'])))
  expect(made.map(({ status }) => status).sort()).toEqual([0, 5, 5])
  const changed = await Promise.all(
    ['ann', 'bob', 'eve'].map((owner) => start(['keys', 'update', 'ci', '--owner', owner, '--if-rev', '1'])),
  )
  expect(changed.map(({ status }) => status).sort()).toEqual([0, 5, 5])
  const id = idOf(workspace, 'ci')
  const rotated = await Promise.all(Array.from({ length: 3 }, () => start(['keys', 'rotate', id])))
  expect(rotated.map(({ status }) => status).sort()).toEqual([0, 5, 5])
  expect(rotated.filter(({ stdout }) => keyLine.test(stdout))).toHaveLength(1)
  const ended = await Promise.all(Array.from({ length: 3 }, () => start(['keys', 'revoke', 'ci'])))
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0])
  expect(list(workspace).map(({ status }) => status)).toEqual(['revoked', 'revoked'])
}, 60_000)
