import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshWorkspace, program, type Workspace } from './cli.ts'

const value = 'hunter2-correct-horse'
const fresh = (): Workspace => {
  const workspace = freshWorkspace()
  workspace.pipe(['secrets', 'set', 'token'], value)
  workspace.pipe(['secrets', 'set', 'db.password'], 'battery-staple')
  workspace.pipe(['secrets', 'set', 'host', '--plain'], 'a.example')
  return workspace
}
const child = (code: string): string[] => ['--', process.execPath, '-e', code]
const printing = (...names: string[]) =>
  child(`console.log(JSON.stringify([${names.map((name) => `process.env.${name}`).join(', ')}].map(String)))`)

test('exec runs a program with secrets and a clean environment, and ends as it does', { timeout: 60_000 }, () => {
  const { run, pipe } = fresh()
  const exec = (args: string[], env = {}) => {
    const { status, stdout, stderr } = run(['secrets', 'exec', ...args], env)
    return [status, stdout, stderr]
  }
  const seen = printing('TOKEN', 'DB_PASSWORD', 'HOST', 'OTHER')
  const other = { OTHER: 'x' }
  expect(exec(seen, other)).toEqual([0, `["${value}","battery-staple","undefined","undefined"]\n`, ''])
  expect(exec(['--only', 'token', ...seen])[1]).toBe(`["${value}","undefined","undefined","undefined"]\n`)
  expect(exec(['--env', 'HOST=host', '--inherit', 'OTHER', ...seen], other)[1]).toBe(
    '["undefined","undefined","a.example","x"]\n',
  )
  expect(
    exec(['--redact', ...child(`console.log(process.env.TOKEN); console.error(btoa(process.env.TOKEN))`)]),
  ).toEqual([0, '[redacted]\n', expect.stringMatching(/^\[redacted\]=*\n$/)])
  pipe(['secrets', 'set', 'pin'], '1234')
  const warned = exec(['--redact', '--only', 'pin', ...printing('PIN')])
  expect(warned).toEqual([
    0,
    '["1234"]\n',
    expect.stringContaining('Too short to be taken out of what it writes: /pin'),
  ])
  expect(exec(child('process.exit(41)'))[0]).toBe(41)
  expect(exec(child("process.kill(process.pid, 'SIGKILL')"))[0]).toBe(137)
})

test('exec starts nothing when anything is wrong', { timeout: 60_000 }, () => {
  const workspace = fresh()
  const { run, cwd } = workspace
  const touched = join(cwd, 'touched')
  const touch = child(`require('fs').writeFileSync(${JSON.stringify(touched)}, '')`)
  const file = join(cwd, 'config/secure_config.json')
  const text = readFileSync(file, 'utf8')
  const attempt = (status: number, args: string[]) => {
    const result = run(['secrets', 'exec', ...args, ...touch])
    expect([result.status, result.stdout], args.join(' ')).toEqual([status, ''])
    expect(result.stderr).not.toContain('hunter2')
    expect(existsSync(touched)).toBe(false)
  }
  attempt(3, ['--only', 'absent'])
  attempt(2, ['--env', `hunter2`])
  attempt(2, ['--env', 'A-B=token'])
  attempt(2, ['--shell'])
  writeFileSync(file, text.replace('"rev": 4', '"rev": 5'))
  attempt(78, [])
  writeFileSync(file, text)
  workspace.put('config/portcullis.yaml', 'secrets: { keys: ["env:ABSENT"] }\n')
  attempt(78, [])
  expect(run(['secrets', 'exec'])).toMatchObject({ status: 2, stdout: '' })
  const none = freshWorkspace()
  expect(none.run(['secrets', 'exec', ...touch])).toMatchObject({ status: 3, stdout: '' })
})

test('scan finds real values in a folder and in what is staged, and tells places only', { timeout: 60_000 }, () => {
  const { run, cwd, put } = fresh()
  put('src/a.txt', `first\nlast ${value}\n`)
  put('src/b.txt', `x=${Buffer.from(value).toString('hex')} a.example\n`)
  const { status, stdout, stderr } = run(['secrets', 'scan', 'src'])
  expect([status, stdout]).toEqual([8, 'WHERE    SECRET  FORM\na.txt:2  /token  raw\nb.txt:1  /token  hex\n'])
  expect(stderr).toBe('Searched 2 files, found 2.\n')
  const json = run(['secrets', 'scan', 'src', '--ignore', 'a.txt', '--json'])
  expect(JSON.parse(json.stdout)).toMatchObject({ files: 1, leaks: [{ file: 'b.txt', line: 1, form: 'hex' }] })
  expect(run(['secrets', 'scan', 'config'])).toMatchObject({ status: 0, stdout: '' })
  const git = (...args: string[]) => spawnSync('git', args, { cwd })
  git('init', '-q')
  expect(run(['secrets', 'scan', '--staged'])).toMatchObject({ status: 0, stdout: '' })
  git('add', 'src/a.txt')
  expect(run(['secrets', 'scan', '--staged'])).toMatchObject({ status: 8 })
  expect(run(['secrets', 'scan', 'nowhere'])).toMatchObject({ status: 78, stdout: '' })
})

test('git merges sealed files through the driver and shows them without values', { timeout: 60_000 }, () => {
  const workspace = fresh()
  const { cwd, run, pipe, put } = workspace
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example', ...args], { cwd, encoding: 'utf8' })
  const command = `'${process.execPath}' '${program}' secrets`
  put('.gitattributes', 'config/secure_config.json merge=portcullis diff=portcullis\n')
  git('init', '-q', '-b', 'main')
  git('config', 'merge.portcullis.driver', `${command} merge-driver %O %A %B %P`)
  git('config', 'diff.portcullis.textconv', `${command} textconv`)
  git('add', '-f', '.gitattributes', 'config/secure_config.json')
  git('commit', '-qm', 'base')
  git('checkout', '-qb', 'other')
  pipe(['secrets', 'set', 'token'], 'other-token-value')
  pipe(['secrets', 'set', 'new'], 'new-value')
  const diff = git('diff').stdout
  expect(diff).toMatch(/^\+\/new = sealed on/m)
  expect(diff).not.toMatch(/enc:v1|"mac"|new-value/)
  git('commit', '-qam', 'other')
  git('checkout', '-q', 'main')
  pipe(['secrets', 'set', 'db.password'], 'changed-here')
  git('commit', '-qam', 'ours')
  expect(git('merge', '-q', '--no-edit', 'other').status).toBe(0)
  const values = () => ['token', 'db.password', 'new'].map((name) => run(['secrets', 'get', name]).stdout.trim())
  expect(values()).toEqual(['other-token-value', 'changed-here', 'new-value'])
  git('checkout', '-q', 'other')
  pipe(['secrets', 'set', 'db.password'], 'hunter2-theirs')
  git('commit', '-qam', 'theirs')
  git('checkout', '-q', 'main')
  const conflict = git('merge', '--no-edit', 'other')
  expect(conflict.status).not.toBe(0)
  expect(conflict.stderr).toContain('both sides changed /db.password')
  expect(conflict.stdout + conflict.stderr).not.toContain('hunter2')
  expect(git('status', '--porcelain').stdout).toContain('UU config/secure_config.json')
  expect(values()[1]).toBe('changed-here')
})
