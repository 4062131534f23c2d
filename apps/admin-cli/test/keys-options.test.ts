import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readKeySettings } from '../src/key-options.ts'
import { freshWorkspace } from './cli.ts'

const day = 86_400_000
const settings = [
  '--allow get_* --allow !get_secret --owner ann --expires never --not-before 2d',
  '--from 10.0.0.0/8 --from 2001:DB8::/32 --not-from 10.1.0.0/16',
  '--audience a --audience https://b.example/mcp --limit 100/1m --limit 5000/1d',
  '--meta team=core=x --meta __proto__=y',
].flatMap((line) => line.split(' '))
const asKept = {
  grants: ['get_*', '!get_secret'],
  owner: 'ann',
  expiresAtMs: null,
  allowedAddresses: ['10.0.0.0/8', '2001:db8::/32'],
  deniedAddresses: ['10.1.0.0/16'],
  audiences: ['a', 'https://b.example/mcp'],
  limits: [
    { requests: 100, windowMs: 60_000 },
    { requests: 5000, windowMs: day },
  ],
  status: 'early',
}

test('a key lives 90 days unless it is asked for otherwise, and the words say until when', () => {
  const { run } = freshWorkspace()
  const nowMs = Date.now()
  const some = JSON.parse(run(['keys', 'create', 'a', '--json']).stdout)
  expect(Math.abs(some.expiresAtMs - nowMs - 90 * day)).toBeLessThan(600_000)
  const { stderr } = run(['keys', 'create', 'b'])
  expect(stderr).toContain(`expires: ${new Date(some.expiresAtMs).toISOString().slice(0, 10)}`)
  expect(run(['keys', 'create', 'c', '--expires', 'never']).stderr).toContain('expires: never')
}, 60_000)

test('every setting of a key can be given when it is made', () => {
  const { run } = freshWorkspace()
  const made = run(['keys', 'create', 'ci', ...settings, '--tenant', 't', '--env', 'test', '--json'])
  expect(made.status).toBe(0)
  const shown = JSON.parse(made.stdout)
  expect(shown).toMatchObject({ ...asKept, tenant: 't', env: 'test', rev: 1 })
  expect(Object.entries(shown.metadata)).toEqual([
    ['team', 'core=x'],
    ['__proto__', 'y'],
  ])
  expect(shown.key).toMatch(/^pck_test_/)
  expect(Math.abs(shown.notBeforeMs - Date.now() - 2 * day)).toBeLessThan(600_000)
}, 60_000)

test('update puts settings in, lists in the place of what was there, and clears', () => {
  const { run } = freshWorkspace()
  run(['keys', 'create', 'ci', '--allow', '*', '--from', '192.0.2.0/24', '--meta', 'old=1'])
  const changed = JSON.parse(run(['keys', 'update', 'ci', ...settings, '--rename', 'ci-2', '--json']).stdout)
  expect(changed).toMatchObject({ ...asKept, name: 'ci-2', rev: 2 })
  expect(Object.keys(changed.metadata)).toEqual(['team', '__proto__'])
  const all = 'allow,audience,from,limit,meta,not-before,not-from,owner'
  const cleared = run(['keys', 'update', 'ci-2', '--clear', all, '--expires', '30d', '--json'])
  expect(cleared.stderr).toContain('has no rights')
  const bare = JSON.parse(cleared.stdout)
  expect(Object.keys(bare).sort()).toEqual(
    ['createdAtMs', 'env', 'expiresAtMs', 'family', 'grants', 'id', 'last4', 'name', 'prefix', 'rev', 'status'].sort(),
  )
  expect(bare).toMatchObject({ grants: [], status: 'active', rev: 3 })
  expect(run(['keys', 'update', 'ci-2', '--allow', 'get_*']).stderr).toMatch(
    /^Updated key "ci-2" \(\S{12}\), now revision 4: allowed: get_\*; expires: \d{4}-.*Z\.\n$/,
  )
}, 60_000)

test('update of a revision that no longer stands is exit 5; one of nothing, or of contradictions, 2', () => {
  const { run } = freshWorkspace()
  run(['keys', 'create', 'ci', '--allow', 'get_*'])
  run(['keys', 'create', 'other'])
  expect(run(['keys', 'update', 'ci', '--owner', 'ann', '--if-rev', '1']).status).toBe(0)
  const late = run(['keys', 'update', 'ci', '--owner', 'bob', '--if-rev', '1'])
  expect(late).toMatchObject({ status: 5, stdout: '' })
  expect(late.stderr).toMatch(/^portcullis: key \S+ is at revision 2, not 1\n$/)
  expect(run(['keys', 'update', 'ci', '--rename', 'other'])).toMatchObject({ status: 5 })
  expect(run(['keys', 'update', 'nobody', '--owner', 'x'])).toMatchObject({ status: 3 })
  for (const args of [
    [],
    ['--if-rev', '2'],
    ['--owner', 'x', '--if-rev', '0'],
    ['--owner', 'x', '--if-rev', '1e3'],
    ['--owner', 'x', '--clear', 'owner'],
    ['--clear', 'expires'],
    ['--clear', ''],
    ['--clear', 'toString'],
    ['--clear', 'owner,'],
    ['--tenant', 'x'],
    ['--rename', ''],
  ]) {
    expect([args, run(['keys', 'update', 'ci', ...args]).status]).toEqual([args, 2])
  }
  expect(JSON.parse(run(['keys', 'show', 'ci', '--json']).stdout)).toMatchObject({ owner: 'ann', rev: 2 })
  run(['keys', 'revoke', 'ci'])
  expect(run(['keys', 'update', 'ci', '--owner', 'x'])).toMatchObject({ status: 5 })
}, 60_000)

test('what is malformed is exit 2, names its option, is one safe line, and leaves no folder behind', () => {
  const { run, cwd } = freshWorkspace()
  const huge = 'x'.repeat(100_000)
  const cases: [string, string][] = [
    ['--limit', '1/0s'],
    ['--limit', '1/367d'],
    ['--limit', '99999999999/1s'],
    ...['nowhere', '10.0.0.1/8', '10.0.0.0/33', '', 'fe80::%eth0', '10.0.0.0/8,11.0.0.0/8'].map(
      (text): [string, string] => ['--from', text],
    ),
    ['--not-from', '10.0.0.0/8/8'],
    ['--audience', ''],
    ['--audience', 'a\u202eb'],
    ['--audience', huge],
    ['--owner', ' ann'],
    ['--owner', '\u001b[2Jann'],
    ['--owner', huge],
    ['--tenant', 'a\nb'],
    ['--meta', 'novalue'],
    ['--meta', '=x'],
    ['--meta', 'a='],
    ['--meta', `a=${'x'.repeat(513)}`],
    ['--env', 'Live'],
    ['--env', ''],
    ['--env', 'a_b'],
    ['--not-before', 'yesterday'],
    ['--not-before', '2020-01-01'],
    ['--not-before', 'never'],
    ['--not-before', '91d'],
    ['--expires', 'Never'],
  ]
  for (const [option, text] of cases) {
    const end = option === '--not-before' ? ['--expires', '90d'] : []
    const { status, stdout, stderr } = run(['keys', 'create', 'x', ...end, `${option}=${text}`])
    expect([option, text.slice(0, 40), status, stdout]).toEqual([option, text.slice(0, 40), 2, ''])
    expect(stderr).toMatch(/^portcullis: [\x20-\x7e]{1,2100}\n$/)
    expect([text.slice(0, 40), stderr]).toEqual([text.slice(0, 40), expect.stringMatching(/--|of a limit/)])
  }
  const five = Array.from({ length: 5 }, (_, i) => ['--limit', `${i + 1}/1m`]).flat()
  expect(run(['keys', 'create', 'x', ...five]).stderr).toBe('portcullis: --limit must be 1 to 4 limits\n')
  expect(run(['keys', 'create', 'x', '--meta', 'a=1', '--meta', 'a=2']).status).toBe(2)
  expect(readdirSync(cwd)).toEqual([])
}, 60_000)

test('a limit is a count and a length of time', () => {
  const limit = (...texts: string[]) => readKeySettings({ limit: texts }, 0).limits
  expect(limit('100/1m', '1/10s')).toEqual([
    { requests: 100, windowMs: 60_000 },
    { requests: 1, windowMs: 10_000 },
  ])
  for (const text of [
    '',
    '100',
    '1/0s',
    '0/1s',
    '/1s',
    '1/',
    '-1/1s',
    '1.5/1s',
    '1/1w',
    '1/1s ',
    '1/1s\n',
    '1/1s/1s',
  ]) {
    expect(() => limit(text)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('--limit') }),
    )
  }
})

test('a key is not taken as a value of any option, nor behind a word', () => {
  const { run } = freshWorkspace()
  const key = run(['keys', 'create', 'ci', '--quiet']).stdout.trim()
  for (const args of [
    ['keys', 'create', 'x', '--meta', `token=${key}`],
    ['keys', 'create', 'x', `--owner=${key}`],
    ['keys', 'create', 'x', '--owner', `the owner of ${key}`],
    ['keys', 'update', 'ci', '--rename', key],
    ['keys', 'rotate', key],
    ['keys', 'show', key],
    ['keys', 'disable', key],
    ['keys', 'issue', key, 'x'],
    ['keys', 'import', 'x', key],
    ['keys', 'check', key],
    ['keys', 'revoke', '--owner', key, '--yes'],
  ]) {
    const { status, stdout, stderr } = run(args)
    expect([args[1], status, stdout]).toEqual([args[1], 2, ''])
    expect(stderr).toContain('looks like a key')
    expect(stderr).not.toContain(key.slice(10, 40))
  }
}, 60_000)

test('the help of every command fits 80 columns', () => {
  const { run } = freshWorkspace()
  const names = [
    'create',
    'issue',
    'import',
    'list',
    'show',
    'export',
    'check',
    'rotate',
    'update',
    'disable',
    'enable',
  ]
  for (const args of [[], ...[...names, 'revoke', 'migrate'].map((name) => [name])]) {
    const { status, stdout } = run(['keys', ...args, '--help'])
    expect([args, status, Math.max(...stdout.split('\n').map((line) => line.length)) <= 80]).toEqual([args, 0, true])
    for (const name of args.length === 0 ? names : []) expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'))
  }
}, 60_000)
