import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConfig, keys } from '@portcullis/config-crypto'
import { expect, test } from 'vitest'
import { freshWorkspace, type Workspace } from './cli.ts'

const value = 'hunter2-correct-horse'
const inConfig = ({ cwd }: Workspace, name: string): string => join(cwd, 'config', name)
const json = ({ run }: Workspace, ...args: string[]) => {
  const { status, stdout, stderr } = run(['secrets', ...args, '--json'])
  return { status, stderr, answer: stdout === '' ? undefined : JSON.parse(stdout) }
}
const fresh = (): Workspace => {
  const workspace = freshWorkspace()
  workspace.pipe(['secrets', 'set', 'token'], value)
  return workspace
}

test('rotate draws a new key in the key file, --finish forgets the old one, --data-key seals anew', {
  timeout: 60_000,
}, () => {
  const workspace = fresh()
  const { run } = workspace
  const key = inConfig(workspace, 'encryption.key')
  const sealed = () => readFileSync(inConfig(workspace, 'secure_config.json'), 'utf8').match(/"token": .*/)?.[0]
  const [before, oldKey] = [sealed(), readFileSync(key, 'utf8')]
  const rotated = json(workspace, 'rotate')
  const [, oldKid = ''] = oldKey.split('_')
  expect(rotated).toMatchObject({ status: 0, answer: { dropped: [oldKid], retiring: [], rev: 3 } })
  expect([sealed(), readFileSync(key, 'utf8').endsWith(oldKey)]).toEqual([before, true])
  expect(run(['secrets', 'get', 'token']).stdout).toBe(`${value}\n`)
  expect(json(workspace, 'rotate', '--grace-days', '30').answer.retiring).toEqual([rotated.answer.kid])
  expect(run(['secrets', 'keys']).stdout.split('\n')).toHaveLength(4)
  const finished = run(['secrets', 'rotate', '--finish'])
  expect([finished.status, finished.stderr.startsWith('Removed ')]).toEqual([0, true])
  expect(readFileSync(key, 'utf8').trim().split('\n')).toHaveLength(1)
  expect(json(workspace, 'keys').answer.keys).toMatchObject([{ kind: 'key', inUse: true }])
  expect(run(['secrets', 'rotate', '--data-key']).status).toBe(0)
  expect(sealed()).not.toBe(before)
  expect(run(['secrets', 'get', 'token']).stdout).toBe(`${value}\n`)
  for (const args of [
    ['--data-key', '--finish'],
    ['--grace-days', 'x'],
    ['--finish', '--grace-days', '1'],
    ['--to', 'x'],
  ]) {
    expect(run(['secrets', 'rotate', ...args])).toMatchObject({ status: 2, stdout: '' })
  }
})

test('another key is added and taken away, and what it may know is named', { timeout: 60_000 }, () => {
  const workspace = fresh()
  const { run } = workspace
  const { answer } = json(workspace, 'add-key', 'file:backup.key')
  expect(answer).toMatchObject({ source: `file:${inConfig(workspace, 'backup.key')}` })
  workspace.put('config/portcullis.yaml', 'secrets: { keys: ["file:backup.key"] }\n')
  expect(run(['secrets', 'get', 'token']).stdout).toBe(`${value}\n`)
  expect(run(['secrets', 'remove-key', 'nobody'])).toMatchObject({ status: 3, stdout: '' })
  const other = json(workspace, 'keys').answer.keys.find(({ kid }: { kid: string }) => kid !== answer.kid).kid
  const removed = run(['secrets', 'remove-key', other])
  expect(removed).toMatchObject({ status: 0, stdout: '/token\n' })
  workspace.put('config/portcullis.yaml', 'secrets: { keys: ["file:encryption.key"] }\n')
  expect(run(['secrets', 'get', 'token'])).toMatchObject({ status: 78, stdout: '' })
})

test('stale is exit 8 with what is old, and 0 without', { timeout: 60_000 }, () => {
  const workspace = fresh()
  expect(workspace.run(['secrets', 'stale'])).toMatchObject({ status: 0, stdout: '' })
  const { status, answer } = json(workspace, 'stale', '--days', '0')
  expect([status, answer.secrets.length, answer.keys.length, answer.dataKey.ageDays]).toEqual([8, 1, 1, 0])
  expect(workspace.run(['secrets', 'stale', '--days', '0']).stdout).toContain('/token')
  expect(workspace.run(['secrets', 'stale', '--days', '-1'])).toMatchObject({ status: 2 })
})

test('the doctor names a key whose grace is over, with what ends it', { timeout: 60_000 }, async () => {
  const workspace = freshWorkspace()
  const clock = () => Date.parse('2026-01-01T00:00:00Z')
  const key = keys.file(inConfig(workspace, 'encryption.key'))
  const config = await createConfig(inConfig(workspace, 'secure_config.json'), { keys: [key], clock })
  await config.rotateKey({ graceDays: 30 })
  const { stdout } = workspace.run(['doctor', '--json'])
  const { checks } = JSON.parse(stdout) as { checks: { id: string; status: string; fix: string }[] }
  expect(checks.find(({ id }) => id === 'secret-keys')).toMatchObject({
    status: 'warn',
    fix: 'portcullis secrets rotate --finish',
  })
  workspace.run(['secrets', 'rotate', '--finish'])
  expect(workspace.run(['doctor', '--json']).stdout).not.toContain('secret-keys')
})

test('import takes a .env or JSON file over, names what is there already, and says that the file is still there', {
  timeout: 60_000,
}, () => {
  const workspace = freshWorkspace()
  const { run } = workspace
  const dotenv = workspace.put('app.env', `API_TOKEN="${value}"\nHOST=a.example\n`)
  const imported = run(['secrets', 'import', dotenv, '--from', 'dotenv', '--plain', 'HOST'])
  expect(imported).toMatchObject({ status: 0, stdout: '' })
  expect(imported.stderr).toContain('still there')
  expect(run(['secrets', 'list']).stdout).toBe('NAME       STORED\nAPI_TOKEN  sealed\nHOST       plain\n')
  expect(run(['secrets', 'get', 'API_TOKEN']).stdout).toBe(`${value}\n`)
  const file = workspace.put('app.json', JSON.stringify({ HOST: 'b.example', db: { password: value } }))
  expect(run(['secrets', 'import', file, '--from', 'json'])).toMatchObject({ status: 5, stdout: '' })
  expect(json(workspace, 'import', file, '--from', 'json', '--overwrite').answer.imported).toEqual(['HOST', 'db'])
  expect(run(['secrets', 'get', 'HOST']).stdout).toBe('b.example\n')
  const bad = workspace.put('bad.env', `A=1\n${value}`)
  for (const [path, from, status] of [
    [bad, 'dotenv', 78],
    [workspace.put('bad.json', '{"a b": 1}'), 'json', 78],
    ['absent', 'json', 3],
    [file, 'yaml', 2],
  ] as const) {
    const result = run(['secrets', 'import', path, '--from', from])
    expect([result.status, result.stdout]).toEqual([status, ''])
    expect(result.stderr).not.toContain('hunter2')
  }
})

test('a JSON Pointer names a value within another', { timeout: 60_000 }, () => {
  const workspace = freshWorkspace()
  const { run, pipe } = workspace
  expect(pipe(['secrets', 'set', '/db/password'], value).status).toBe(0)
  expect(pipe(['secrets', 'set', '/db/host', '--plain'], 'a.example').status).toBe(0)
  expect(run(['secrets', 'get', '/db/password']).stdout).toBe(`${value}\n`)
  expect(json(workspace, 'get', 'db').answer).toEqual({
    name: 'db',
    sealed: true,
    value: { host: 'a.example', password: value },
  })
  expect(json(workspace, 'get', '/db/host').answer.sealed).toBe(false)
  expect(run(['secrets', 'delete', '/db/password']).status).toBe(0)
  expect(run(['secrets', 'get', '/db/password'])).toMatchObject({ status: 3, stdout: '' })
  for (const place of ['/', '//x', '/a b', `/${'x'.repeat(200)}`]) {
    expect(pipe(['secrets', 'set', place], 'x'), place).toMatchObject({ status: 2, stdout: '' })
  }
})
