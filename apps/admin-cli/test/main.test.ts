import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshWorkspace, program } from './cli.ts'

test('help and version are data, also of a command', () => {
  const { run, cwd } = freshWorkspace()
  const help = run(['--help'])
  expect([help.status, help.stderr]).toEqual([0, ''])
  expect(help.stdout).toContain('doctor')
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(run(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' })
  const create = run(['keys', 'create', '--help'])
  expect(create.stdout).toContain('--allow <grant>')
  expect(create.stdout).toContain('--dir <dir>')
  expect(existsSync(join(cwd, 'config'))).toBe(false)
})

test('what was mistyped is one line with a suggestion, exit 2, and nothing is done', () => {
  const { run, cwd } = freshWorkspace()
  const cases: [string[], string][] = [
    [['doctr'], "portcullis: unknown command 'doctr' (did you mean doctor?)"],
    [['keys', 'creat', 'ci'], "portcullis: unknown command 'creat' (did you mean create?)"],
    [['keys', 'create', 'ci', '--alow', 'x'], "portcullis: unknown option '--alow' (did you mean --allow?)"],
    [['keys', 'create'], "portcullis: missing required argument 'name'"],
    [['keys', 'create', 'ci', '--expires'], "portcullis: option '--expires <time>' argument missing"],
    [['keys', 'create', 'a', 'b'], "portcullis: too many arguments for 'create'. Expected 1 argument but got 2."],
    [['--dir', '', 'keys', 'list'], 'portcullis: --dir needs a path'],
    [['keys', 'create', ''], 'portcullis: name must be 1 to 128 printable characters without white space at its ends'],
  ]
  for (const [args, line] of cases) {
    expect(run(args)).toMatchObject({ status: 2, stdout: '', stderr: `${line}\n` })
  }
  expect(existsSync(join(cwd, 'config', 'api_keys.json'))).toBe(false)
})

test('a group without a command shows its help on standard error, exit 2', () => {
  const { run } = freshWorkspace()
  for (const args of [[], ['keys'], ['audit']]) {
    const { status, stdout, stderr } = run(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage: portcullis')
  }
})

test('with --json every failure is one object on standard error, wherever the option stands', () => {
  const { run } = freshWorkspace()
  for (const args of [
    ['--json', 'doctr'],
    ['keys', 'revoke', 'nobody', '--json'],
    ['keys', '--json', 'create', 'x', '--expires', 'soon'],
  ]) {
    const { stdout, stderr } = run(args)
    expect(stdout).toBe('')
    expect(JSON.parse(stderr)).toEqual({ error: { code: expect.stringMatching(/^ERR_/), message: expect.any(String) } })
  }
})

test('a key is never taken as an argument, and none is repeated in a message', () => {
  const { run } = freshWorkspace()
  const key = run(['keys', 'create', 'ci', '--allow', 'get_*', '--quiet']).stdout.trim()
  for (const args of [
    ['keys', 'create', key],
    ['keys', 'revoke', key],
    ['keys', 'revoke', 'ci', '--reason', key],
    ['keys', 'create', 'x', `--allow=${key}`],
    [key],
    ['keys', key],
    [`--${key}`],
    ['keys', 'revoke', `the key ${key} leaked`],
    ['audit', 'verify', `/tmp/${key}`],
    ['keys', 'revoke', key.slice(0, -1)],
    ['keys', 'revoke', `${key}x`],
    ['keys', 'revoke', `${'x '.repeat(980)}${key}`],
  ]) {
    const { status, stdout, stderr } = run(args)
    expect([status === 2 || status === 3, stdout]).toEqual([true, ''])
    expect(stderr).not.toContain(key.slice(10, 40))
  }
  expect(run(['keys', 'revoke', key]).stderr).toContain('looks like a key')
})

test('what came from outside cannot move the cursor or reorder the line', () => {
  const { run } = freshWorkspace()
  const { stderr } = run(['keys', 'revoke', 'a\u001b[2J\u202e\u009b\nb'])
  expect(stderr).toMatch(/^[\x20-\x7e]+\n$/)
})

test('the folder is --dir, else PORTCULLIS_HOME, else ./config', () => {
  const { run, cwd } = freshWorkspace()
  const home = { PORTCULLIS_HOME: 'from-home' }
  run(['keys', 'create', 'a', '--dir', 'from-flag'], home)
  run(['keys', 'create', 'b'], home)
  run(['keys', 'create', 'c'], { PORTCULLIS_HOME: '' })
  const names = ['from-flag', 'from-home', 'config'].map((dir) => {
    const { keys } = JSON.parse(run(['keys', 'list', '--json', '--dir', join(cwd, dir)]).stdout)
    return keys.map((key: { name: string }) => key.name)
  })
  expect(names).toEqual([['a'], ['b'], ['c']])
})

test('data that cannot be written is exit 1, and a key that nobody saw is revoked', () => {
  const { run, cwd } = freshWorkspace()
  const full = spawnSync('sh', ['-c', `"$0" "$1" keys create ci --allow '*' > /dev/full`, process.execPath, program], {
    cwd,
    encoding: 'utf8',
  })
  expect(full).toMatchObject({ status: 1, stderr: 'portcullis: standard output cannot be written: ENOSPC\n' })
  const { keys } = JSON.parse(run(['keys', 'list', '--json']).stdout)
  expect(keys).toMatchObject([
    { name: 'ci', status: 'revoked', revokedReason: 'it could not be shown when it was made' },
  ])
})
