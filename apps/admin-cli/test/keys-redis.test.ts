import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { freshWorkspace, type Workspace } from './cli.ts'

const keyLine = /^pck_live_[0-9A-Za-z]{61}\n$/

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
}, 60_000)
beforeEach(async () => {
  await redis.cli('FLUSHALL')
})
afterAll(() => redis.stop())

/** A workspace whose program keeps keys in Redis besides the file. */
const shared = () => {
  const workspace = freshWorkspace()
  const run = (...args: string[]) => workspace.run(args, { PORTCULLIS_REDIS_URL: redis.url })
  const list = (): { id: string; name: string; status: string }[] =>
    JSON.parse(run('keys', 'list', '--json').stdout).keys
  return { ...workspace, run, list }
}
const inFile = ({ cwd }: Pick<Workspace, 'cwd'>) => {
  mkdirSync(join(cwd, 'config'), { recursive: true, mode: 0o700 })
  return createApiKeys({ store: fileStore(join(cwd, 'config', 'api_keys.json')) })
}

test('the whole life of a key in Redis', () => {
  const { run, list, cwd } = shared()
  expect(run('keys', 'list')).toMatchObject({ status: 0, stdout: '' })
  expect(readdirSync(cwd)).toEqual([])
  const made = run('keys', 'create', 'ci', '--allow', 'get_*', '--allow', 'admin:delegate', '--owner', 'ann')
  expect([made.status, made.stdout]).toEqual([0, expect.stringMatching(keyLine)])
  expect(existsSync(join(cwd, 'config', 'api_keys.json'))).toBe(false)
  expect(run('keys', 'issue', 'ci', 'sub', '--allow', 'get_time').status).toBe(0)
  expect(run('keys', 'rotate', 'ci', '--overlap', '1h').stdout).toMatch(keyLine)
  expect(run('keys', 'update', 'ci', '--rename', 'ci-2', '--if-rev', '1').status).toBe(0)
  expect(run('keys', 'update', 'ci-2', '--owner', 'x', '--if-rev', '1').status).toBe(5)
  expect(run('keys', 'disable', 'ci-2').status).toBe(0)
  expect(run('keys', 'show', 'ci-2').stdout).toMatch(/^replaces +\S{12} \("ci-2", disabled\), good until /m)
  expect(run('keys', 'enable', 'ci-2').status).toBe(0)
  expect(list().map(({ name, status }) => [name, status])).toEqual([
    ['ci-2', 'active'],
    ['sub', 'active'],
    ['ci-2', 'active'],
  ])
  expect(JSON.parse(run('keys', 'export').stdout).keys).toHaveLength(3)
  expect(run('keys', 'revoke', '--owner', 'ann', '--yes').stderr).toContain('Revoked 3 keys')
}, 60_000)

test('a rotation whose key could not be shown is undone', () => {
  const { run, list, shell } = shared()
  run('keys', 'create', 'ci', '--allow', 'get_*')
  const { status, stderr } = shell(`PORTCULLIS_REDIS_URL=${redis.url} portcullis keys rotate ci > /dev/full`)
  expect([status, stderr]).toEqual([1, expect.stringContaining('is good as before')])
  expect(list().map((key) => key.status)).toEqual(['active', 'revoked'])
  expect(run('keys', 'rotate', 'ci').stdout).toMatch(keyLine)
}, 60_000)

test('a name is found in either place and taken in both', async () => {
  const { run, cwd } = shared()
  const { record } = await inFile({ cwd }).create({ name: 'here', grants: [] })
  expect(run('keys', 'create', 'here')).toMatchObject({
    status: 5,
    stderr: 'portcullis: a key named "here" exists already, in the file\n',
  })
  expect(run('keys', 'create', record.id)).toMatchObject({ status: 5, stdout: '' })
  run('keys', 'create', 'there')
  expect(run('keys', 'update', 'here', '--rename', 'there')).toMatchObject({ status: 5 })
  expect(run('keys', 'update', 'there', '--rename', 'here')).toMatchObject({ status: 5 })
  for (const name of ['here', 'there']) {
    expect(run('keys', 'rotate', name).stdout).toMatch(keyLine)
    expect(run('keys', 'revoke', name).status).toBe(0)
  }
  // The name of a revoked key is free; that of the living one is meant from now on.
  expect(run('keys', 'create', 'here').status).toBe(0)
  expect(JSON.parse(run('keys', 'revoke', 'here', '--json').stdout)).toMatchObject({ status: 'revoked' })
  expect(await inFile({ cwd }).list()).toHaveLength(2)
}, 60_000)

test('a name that two living keys have is asked about, not guessed', async () => {
  const { run, list, cwd } = shared()
  run('keys', 'create', 'ci')
  await inFile({ cwd }).create({ name: 'ci', grants: [] })
  const { status, stdout, stderr } = run('keys', 'revoke', 'ci')
  expect([status, stdout]).toEqual([5, ''])
  expect(stderr).toMatch(/two keys have that name: \S{12} \(file\) and \S{12} \(redis\); give the id\n$/)
  for (const { id } of list()) expect(run('keys', 'revoke', id).status).toBe(0)
  expect(list().map((key) => key.status)).toEqual(['revoked', 'revoked'])
}, 60_000)

test('another installation without the master key, or with another, reads nothing and says why', () => {
  const one = shared()
  one.run('keys', 'create', 'ci')
  const other = shared()
  for (const args of [['list'], ['export'], ['revoke', 'ci'], ['show', 'ci'], ['rotate', 'ci']]) {
    const { status, stdout, stderr } = other.run('keys', ...args)
    expect([args, status, stdout]).toEqual([args, 78, ''])
    expect([args, stderr]).toEqual([args, expect.stringContaining('has no master.key: copy that of the installation')])
  }
  const doctor = other.run('doctor')
  expect(doctor.status).toBe(8)
  expect(doctor.stdout).toMatch(/^FAIL +keys-in-redis .*under another integrity key/m)
  expect(readdirSync(other.cwd)).toEqual([])
  expect(one.run('doctor').stdout).toMatch(/^OK +keys-in-redis +1 keys, 1 of them active$/m)
  mkdirSync(join(other.cwd, 'config'), { mode: 0o700 })
  copyFileSync(join(one.cwd, 'config', 'master.key'), join(other.cwd, 'config', 'master.key'))
  expect(other.run('keys', 'revoke', 'ci').status).toBe(0)
  expect(one.list().map(({ status }) => status)).toEqual(['revoked'])
}, 60_000)

test('while Redis is away, keys of the file can be revoked, and all else is exit 6', async () => {
  const { run, cwd } = shared()
  await inFile({ cwd }).create({ name: 'here', grants: [] })
  run('keys', 'create', 'there')
  await redis.kill()
  try {
    expect(run('keys', 'revoke', 'here')).toMatchObject({ status: 0 })
    for (const args of [['revoke', 'there'], ['list'], ['create', 'x'], ['revoke', '--owner', 'x', '--yes']]) {
      expect([args, run('keys', ...args)]).toMatchObject([args, { status: 6, stdout: '' }])
    }
    expect(run('doctor').stdout).toMatch(/^FAIL +keys-in-redis /m)
  } finally {
    await redis.restart()
  }
}, 60_000)
