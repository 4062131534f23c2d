import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { keys, openConfigSync } from '@portcullis/config-crypto'
import { expect, test } from 'vitest'
import { askHidden, type Terminal } from '../src/input.ts'
import { freshWorkspace, program, type Workspace } from './cli.ts'

const value = 'hunter2-correct-horse'

/** As `run`, with something on standard input. */
const pipe = ({ cwd }: Workspace, args: readonly string[], input: string | Uint8Array) =>
  spawnSync(process.execPath, [program, ...args], {
    cwd,
    encoding: 'utf8',
    input,
    env: { PATH: process.env['PATH'] ?? '' },
  })

const inConfig = ({ cwd }: Workspace, name: string): string => join(cwd, 'config', name)
const open = (workspace: Workspace) =>
  openConfigSync(inConfig(workspace, 'secure_config.json'), {
    keys: [keys.file(inConfig(workspace, 'encryption.key'))],
  })

test('set takes the value from standard input and makes folder, key and file for their owner alone', () => {
  const workspace = freshWorkspace()
  const { status, stdout, stderr } = pipe(workspace, ['secrets', 'set', 'db_password'], `${value}\n`)
  expect([status, stdout, stderr]).toEqual([0, '', 'Stored "db_password", sealed.\n'])
  expect(open(workspace).get('db_password')).toBe(value)
  expect(readdirSync(join(workspace.cwd, 'config')).sort()).toEqual([
    '.gitignore',
    'encryption.key',
    'secure_config.json',
  ])
  for (const name of ['encryption.key', 'secure_config.json']) {
    expect(statSync(inConfig(workspace, name)).mode & 0o777).toBe(0o600)
    expect(readFileSync(inConfig(workspace, name), 'utf8')).not.toContain('hunter2')
  }
  spawnSync('git', ['init', '-q'], { cwd: workspace.cwd })
  const ignored = ['config/encryption.key', 'config/secure_config.json', 'config/secure_config.json.lock']
  const git = spawnSync('git', ['check-ignore', ...ignored], { cwd: workspace.cwd, encoding: 'utf8' })
  expect(git.stdout.trim().split('\n')).toEqual(ignored)
})

test('get gives back what set took, less one line end', () => {
  const workspace = freshWorkspace()
  for (const [input, stored] of [
    ['plain', 'plain'],
    ['two\nlines\n\n', 'two\nlines\n'],
    ['windows\r\n', 'windows'],
    [' \té😀 \u0000', ' \té😀 \u0000'],
    ['\ufeffbom', '\ufeffbom'],
    ['enc:v1:x', 'enc:v1:x'],
  ] as const) {
    expect(pipe(workspace, ['secrets', 'set', 'x'], input).status).toBe(0)
    expect(workspace.run(['secrets', 'get', 'x'])).toMatchObject({ status: 0, stdout: `${stored}\n`, stderr: '' })
  }
  const json = workspace.run(['secrets', 'get', 'x', '--json'])
  expect(JSON.parse(json.stdout)).toEqual({ name: 'x', sealed: true, value: 'enc:v1:x' })
})

test('list shows names and how they are stored, never values; delete removes one', () => {
  const workspace = freshWorkspace()
  expect(workspace.run(['secrets', 'list'])).toMatchObject({ status: 0, stdout: '' })
  expect(JSON.parse(workspace.run(['secrets', 'list', '--json']).stdout)).toEqual({ secrets: [] })
  expect(existsSync(join(workspace.cwd, 'config'))).toBe(false)
  pipe(workspace, ['secrets', 'set', 'token'], value)
  const set = pipe(workspace, ['secrets', 'set', 'host', '--plain', '--json'], 'hunter2.example')
  expect(JSON.parse(set.stdout)).toEqual({ name: 'host', sealed: false, rev: 3 })
  expect(readFileSync(inConfig(workspace, 'secure_config.json'), 'utf8')).toContain('"host": "hunter2.example"')
  const list = workspace.run(['secrets', 'list'])
  expect(list.stdout).toBe('NAME   STORED\nhost   plain\ntoken  sealed\n')
  const json = workspace.run(['secrets', 'list', '--json']).stdout
  expect(JSON.parse(json)).toEqual({
    secrets: [
      { name: 'host', sealed: false },
      { name: 'token', sealed: true },
    ],
  })
  expect(list.stdout + list.stderr + json).not.toContain('hunter2')
  expect(workspace.run(['secrets', 'delete', 'token', '--yes'])).toMatchObject({ status: 0, stdout: '' })
  expect(workspace.run(['secrets', 'delete', 'token'])).toMatchObject({ status: 3, stdout: '' })
  expect(workspace.run(['secrets', 'get', 'token'])).toMatchObject({ status: 3, stdout: '' })
  expect(JSON.parse(workspace.run(['secrets', 'get', 'host', '--json']).stdout).value).toBe('hunter2.example')
})

test('what is not there is exit 3, whether file or name', () => {
  const { run, cwd } = freshWorkspace()
  for (const args of [
    ['secrets', 'get', 'x'],
    ['secrets', 'delete', 'x'],
    ['secrets', 'migrate'],
  ]) {
    expect(run(args)).toMatchObject({ status: 3, stdout: '' })
  }
  expect(existsSync(join(cwd, 'config'))).toBe(false)
})

test('a value in an argument is refused and not repeated, and nothing is made', () => {
  const workspace = freshWorkspace()
  for (const args of [
    ['set', 'x', 'hunter2'],
    ['set', 'x', '--value=hunter2'],
    ['set', 'x', '--value', 'hunter2'],
    ['set', '--hunter2', 'x'],
    ['set', 'x', '--', 'hunter2'],
    ['set', 'x=hunter2'],
    ['set', 'x', '--json', 'hunter2'],
    ['set', 'hunter2 is it'],
  ]) {
    const { status, stdout, stderr } = pipe(workspace, ['secrets', ...args], 'other')
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('pipe it')
    expect(stderr).not.toContain('hunter2')
  }
  const { status, stderr } = pipe(workspace, ['secrets', 'delete', 'x', 'hunter2'], '')
  expect([status, stderr.includes('hunter2')]).toEqual([2, false])
  expect(existsSync(join(workspace.cwd, 'config'))).toBe(false)
})

test('no value, one that is no text, or one that is too long stores nothing', () => {
  const workspace = freshWorkspace()
  for (const input of ['', '\n', Buffer.from([0x61, 0xff]), 'x'.repeat(1_048_577)]) {
    expect(pipe(workspace, ['secrets', 'set', 'x'], input)).toMatchObject({ status: 2, stdout: '' })
  }
  expect(existsSync(join(workspace.cwd, 'config'))).toBe(false)
})

/** A terminal that remembers whether it echoes. */
const fakeTerminal = () => {
  const modes: boolean[] = []
  const stream = Object.assign(new PassThrough(), { setRawMode: (mode: boolean) => modes.push(mode) })
  return { stream, modes, asked: askHidden(stream as unknown as Terminal) }
}

test('on a terminal the value is asked for without echo, and can be corrected', async () => {
  for (const [keysPressed, expected] of [
    [['hun', 'ter2', '\r'], 'hunter2'],
    [['pasted é😀\n'], 'pasted é😀'],
    [['wrongx\u0015ab😀\u007fc\b', 'd\u0001\u0002\r'], 'abd'],
    [['a', '\u001b[A', '\u001bOP', 'b\u0004'], 'ab'],
    [['\r'], ''],
  ] as const) {
    const { stream, modes, asked } = fakeTerminal()
    for (const chunk of keysPressed) stream.write(chunk)
    expect(await asked).toBe(expected)
    expect(modes).toEqual([true, false])
  }
  for (const keysPressed of ['abc\u0003', '\u0004']) {
    const { stream, modes, asked } = fakeTerminal()
    stream.write(keysPressed)
    await expect(asked).rejects.toMatchObject({ exitCode: 7 })
    expect(modes).toEqual([true, false])
  }
  const gone = fakeTerminal()
  gone.stream.end()
  await expect(gone.asked).rejects.toMatchObject({ exitCode: 7 })
  const lines = fakeTerminal()
  lines.stream.write('one\ntwo\n')
  await expect(lines.asked).rejects.toMatchObject({ exitCode: 2 })
})

test('tampered, unsafe and foreign files are exit 78, with the chmod where one helps, and stay as they are', {
  timeout: 30_000,
}, () => {
  const workspace = freshWorkspace()
  pipe(workspace, ['secrets', 'set', 'x'], value)
  const [file, key] = [inConfig(workspace, 'secure_config.json'), inConfig(workspace, 'encryption.key')]
  const text = readFileSync(file, 'utf8')
  const attempt = (
    words: string,
    commands: readonly string[][] = [
      ['get', 'x'],
      ['set', 'x'],
    ],
  ) => {
    const before = readFileSync(file, 'utf8')
    for (const args of commands) {
      const { status, stdout, stderr } = pipe(workspace, ['secrets', ...args], 'new')
      expect([status, stdout]).toEqual([78, ''])
      expect(stderr).toContain(words)
      expect(stderr).not.toContain('hunter2')
    }
    const doctor = workspace.run(['doctor', '--json'])
    const { checks } = JSON.parse(doctor.stdout) as { checks: { id: string; status: string }[] }
    expect(checks.find(({ id }) => id === 'secrets')).toMatchObject({ status: 'fail' })
    expect(readFileSync(file, 'utf8')).toBe(before)
  }
  writeFileSync(file, text.replace('"rev": 2', '"rev": 3'))
  attempt('was changed by someone without its key', [
    ['get', 'x'],
    ['list'],
    ['delete', 'x'],
    ['set', 'x'],
    ['migrate'],
  ])
  writeFileSync(file, text.slice(0, 100))
  attempt(JSON.stringify(file))
  writeFileSync(file, text)
  chmodSync(file, 0o666)
  attempt(`chmod 600 ${file}`)
  chmodSync(file, 0o600)
  chmodSync(key, 0o644)
  attempt(`chmod 600 ${key}`)
  chmodSync(key, 0o600)
  renameSync(key, `${key}.away`)
  attempt('none of its keys')
  expect(existsSync(key)).toBe(false)
  renameSync(`${key}.away`, key)
  expect(workspace.run(['secrets', 'get', 'x']).stdout).toBe(`${value}\n`)
})

test('file and key are where the configuration says, also while what it says with secret:// is not stored yet', () => {
  const workspace = freshWorkspace()
  const yaml = 'secrets: { file: sealed/app.json, keys: ["file:sealed/app.key"] }\nredis: { url: secret://redis_url }\n'
  workspace.put('config/portcullis.yaml', yaml)
  expect(pipe(workspace, ['secrets', 'set', 'redis_url'], 'redis://127.0.0.1:6379').status).toBe(0)
  expect(readdirSync(inConfig(workspace, 'sealed')).sort()).toEqual(['app.json', 'app.key'])
  expect(workspace.run(['secrets', 'get', 'redis_url']).stdout).toBe('redis://127.0.0.1:6379\n')
  workspace.put('config/portcullis.yaml', yaml.replace('secrets:', 'secret:').replace('redis:', 'name: x #'))
  expect(workspace.run(['secrets', 'get', 'redis_url'])).toMatchObject({ status: 78, stdout: '' })
  workspace.put('config/portcullis.yaml', 'secrets: { keys: ["env:APP_KEY"] }\n')
  expect(pipe(workspace, ['secrets', 'set', 'x'], 'y')).toMatchObject({ status: 78, stdout: '' })
  expect(existsSync(inConfig(workspace, 'secure_config.json'))).toBe(false)
})

test('runs that store at once, the first of them all, lose nothing', async () => {
  const workspace = freshWorkspace()
  const codes = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map(async (name) => {
      const child = spawn(process.execPath, [program, 'secrets', 'set', name], {
        cwd: workspace.cwd,
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      child.stdin.end(name)
      await once(child, 'close')
      return child.exitCode
    }),
  )
  expect(codes).toEqual([0, 0, 0, 0, 0])
  expect(open(workspace).names()).toHaveLength(5)
})

// Written by Python's cryptography: the class SecureConfig of the old format.
const fernetKey = 'bOx8OO5BxUzL7Ep0S1uNvauPDclOhV4yjBaXOBcpI8E='
const fernetText = `{
  "server_name": "demo",
  "note": "enc:not ours",
  "tags": ["a", "b"],
  "encrypted_api_key": "gAAAAABrA-54bhw93cv6kO2X0wY_KX1Dm00fWmp035nAPFR29F0DXkKGPm_scMcnL_nYuA_xTON4yWSvGMyiwNNYHc5hZ-G-zw==",
  "encrypted_empty": "gAAAAABrA-54VcsHyImq4o5p1vuZskQbhvNBg8IiY6DcHNg9Dwpcgs4BtfPwWbVgjkhD3kGksOPAVW5SpXhXW8mlN_7bF1dksg=="
}`
const fernetWorkspace = (text = fernetText): Workspace => {
  const workspace = freshWorkspace()
  workspace.put('config/secure_config.json', text, 0o644)
  workspace.put('config/encryption.key', fernetKey)
  return workspace
}
const migrated = { server_name: 'demo', note: 'enc:not ours', tags: ['a', 'b'], api_key: 'sk-test-é✓', empty: '' }
const expectMigrated = (workspace: Workspace): void => {
  const config = open(workspace)
  expect(config.legacy).toBe(false)
  expect(Object.fromEntries(config.names().map(({ name }) => [name, config.get(name)]))).toEqual(migrated)
  const sealed = config.names().filter((entry) => entry.sealed)
  expect(sealed.map(({ name }) => name)).toEqual(['api_key', 'empty', 'note'])
  expect(readFileSync(inConfig(workspace, 'secure_config.json.fernet'), 'utf8')).toBe(fernetText)
  expect(readFileSync(inConfig(workspace, 'encryption.key.fernet'), 'utf8')).toBe(fernetKey)
}
const finalNames = [
  '.gitignore',
  'encryption.key',
  'encryption.key.fernet',
  'secure_config.json',
  'secure_config.json.fernet',
]

test('a Fernet file is read, not written, until migrate converts it under a new key', () => {
  const workspace = fernetWorkspace()
  const { run } = workspace
  expect(run(['secrets', 'get', 'api_key'])).toMatchObject({ status: 0, stdout: 'sk-test-é✓\n' })
  expect(run(['secrets', 'get', 'tags']).stdout).toBe('["a","b"]\n')
  expect(run(['secrets', 'list']).stderr).toContain('portcullis secrets migrate')
  expect(pipe(workspace, ['secrets', 'set', 'x'], 'y')).toMatchObject({ status: 5 })
  expect(run(['secrets', 'delete', 'api_key'])).toMatchObject({ status: 5 })
  expect(readFileSync(inConfig(workspace, 'secure_config.json'), 'utf8')).toBe(fernetText)
  expect(run(['doctor']).stderr).toContain('secrets: portcullis secrets migrate')

  const result = run(['secrets', 'migrate', '--json'])
  expect(result.status).toBe(0)
  expect(JSON.parse(result.stdout)).toEqual({ migrated: ['server_name', 'note', 'tags', 'api_key', 'empty'] })
  expect(result.stderr).not.toMatch(/sk-test|bOx8/)
  expectMigrated(workspace)
  expect(readdirSync(join(workspace.cwd, 'config')).sort()).toEqual(finalNames)
  for (const name of finalNames.slice(1)) expect(statSync(inConfig(workspace, name)).mode & 0o777).toBe(0o600)
  const doctor = run(['doctor', '--json'])
  const { checks } = JSON.parse(doctor.stdout) as { checks: { id: string; status: string }[] }
  expect(checks.filter(({ status }) => status !== 'ok').map(({ id }) => id)).toEqual(['fernet-copies'])
  spawnSync('git', ['init', '-q'], { cwd: workspace.cwd })
  const names = finalNames.slice(1).map((name) => `config/${name}`)
  const git = spawnSync('git', ['check-ignore', ...names], { cwd: workspace.cwd, encoding: 'utf8' })
  expect(git.stdout.trim().split('\n')).toEqual(names)

  expect(run(['secrets', 'migrate'])).toMatchObject({ status: 0, stdout: '' })
  expect(pipe(workspace, ['secrets', 'set', 'new'], 'y').status).toBe(0)
  expect(run(['secrets', 'migrate'])).toMatchObject({ status: 0, stdout: '' })
})

test('migrate leaves everything as it is when something is wrong', () => {
  const cases: [number, Workspace][] = [
    [78, fernetWorkspace(fernetText.replace('54bhw', '54bhx'))],
    [78, fernetWorkspace(fernetText.replace('"tags"', '"two words"'))],
    [78, fernetWorkspace(fernetText.slice(0, -2))],
    [5, fernetWorkspace()],
    [78, fernetWorkspace()],
  ]
  cases[3]?.[1].put('config/encryption.key.fernet', 'another copy')
  chmodSync(inConfig(cases[4]?.[1] as Workspace, 'encryption.key'), 0o644)
  for (const [status, workspace] of cases) {
    const before = readFileSync(inConfig(workspace, 'secure_config.json'), 'utf8')
    expect(workspace.run(['secrets', 'migrate'])).toMatchObject({ status, stdout: '' })
    expect(readFileSync(inConfig(workspace, 'secure_config.json'), 'utf8')).toBe(before)
    expect(readFileSync(inConfig(workspace, 'encryption.key'), 'utf8')).toBe(fernetKey)
  }
  expect(readFileSync(inConfig(cases[3]?.[1] as Workspace, 'encryption.key.fernet'), 'utf8')).toBe('another copy')
})

/** The moment between the exchange of the key and that of the file. */
const interrupted = (): Workspace => {
  const workspace = fernetWorkspace()
  workspace.run(['secrets', 'migrate'])
  const file = inConfig(workspace, 'secure_config.json')
  renameSync(file, inConfig(workspace, '.secure_config.json.migrating.tmp'))
  writeFileSync(file, fernetText)
  return workspace
}

test('a migration that was interrupted between its two exchanges is finished by the next, and programs say so', () => {
  const workspace = interrupted()
  const refused = workspace.run(['secrets', 'get', 'api_key'])
  expect([refused.status, refused.stderr.includes('secrets migrate')]).toEqual([78, true])
  expect(workspace.run(['secrets', 'migrate']).status).toBe(0)
  expectMigrated(workspace)
  expect(readdirSync(join(workspace.cwd, 'config')).sort()).toEqual(finalNames)
})

test('what another program wrote in between is not lost', () => {
  const workspace = interrupted()
  const changed = fernetText.replace('"demo"', '"changed"')
  writeFileSync(inConfig(workspace, 'secure_config.json'), changed)
  const { status, stderr } = workspace.run(['secrets', 'migrate'])
  expect([status, stderr.includes('was changed while')]).toEqual([5, true])
  expect(readFileSync(inConfig(workspace, 'secure_config.json'), 'utf8')).toBe(changed)
  // As the message says.
  renameSync(inConfig(workspace, 'encryption.key.fernet'), inConfig(workspace, 'encryption.key'))
  rmSync(inConfig(workspace, '.secure_config.json.migrating.tmp'))
  rmSync(inConfig(workspace, 'secure_config.json.fernet'))
  expect(workspace.run(['secrets', 'migrate']).status).toBe(0)
  expect(open(workspace).get('server_name')).toBe('changed')
})

test('migrations killed at any moment are finished by the next', { timeout: 120_000 }, async () => {
  for (let round = 0; round < (process.env['PORTCULLIS_LONG'] === '1' ? 60 : 6); round++) {
    const workspace = fernetWorkspace()
    const child = spawn(process.execPath, [program, 'secrets', 'migrate'], { cwd: workspace.cwd, stdio: 'ignore' })
    setTimeout(() => child.kill('SIGKILL'), 110 + ((round * 37) % 220))
    await once(child, 'close')
    expect(workspace.run(['secrets', 'migrate']).status).toBe(0)
    expectMigrated(workspace)
  }
})
