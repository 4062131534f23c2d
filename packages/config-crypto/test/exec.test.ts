import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { run, variablesOf } from '../src/exec.ts'
import { createConfig, keys, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder } from './scratch.ts'

const raw = randomBytes(32)
const sources = [keys.raw(raw)] as const
const fresh = async () => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: sources })
  await config.update((draft) => {
    draft.set('token', 'correct-horse-battery')
    draft.set('/db/port', 5432)
    draft.set('object', { a: 1 })
    draft.set('zero', 'a\0b')
  })
  return { path, config, out: join(dirname(path), 'out') }
}
/** A child that leaves its environment in a file. */
const leaving = (out: string, more = ''): string[] => [
  process.execPath,
  '-e',
  `require('fs').writeFileSync(${JSON.stringify(out)}, JSON.stringify(process.env));${more}`,
]

test('a child sees what it is given and little else', async () => {
  const { config, out } = await fresh()
  process.env['PORTCULLIS_TEST_OTHER_SECRET'] = 'x'
  process.env['PORTCULLIS_TEST_WANTED'] = 'y'
  const outcome = await run(config, leaving(out, 'process.exitCode = 7'), {
    variables: { TOKEN: 'token', PORT: '/db/port' },
    inherit: ['PORTCULLIS_TEST_WANTED', 'PORTCULLIS_TEST_ABSENT'],
  })
  expect(outcome).toEqual({ code: 7, signal: null })
  const env = JSON.parse(readFileSync(out, 'utf8'))
  expect(env).toMatchObject({ TOKEN: 'correct-horse-battery', PORT: '5432', PORTCULLIS_TEST_WANTED: 'y' })
  expect(env.PATH).toBe(process.env['PATH'])
  expect([env.PORTCULLIS_TEST_OTHER_SECRET, env.VITEST, env.NODE_ENV]).toEqual([undefined, undefined, undefined])
})

test('on any error the child is not started', async () => {
  const { path, config, out } = await fresh()
  const start = (variables: Record<string, string>, command = leaving(out), more = {}) =>
    run(config, command, { variables, ...more })
  for (const [call, code] of [
    [() => start({ A: 'absent' }), 'ERR_CONFIG_CHILD'],
    [() => start({ A: 'object' }), 'ERR_CONFIG_OPTIONS'],
    [() => start({ A: 'zero' }), 'ERR_CONFIG_OPTIONS'],
    [() => start({ 'A B': 'token' }), 'ERR_CONFIG_OPTIONS'],
    [() => start({ 'A=x': 'token' }), 'ERR_CONFIG_OPTIONS'],
    [() => start({}, []), 'ERR_CONFIG_OPTIONS'],
    [() => start({}, ['']), 'ERR_CONFIG_OPTIONS'],
    [() => start({}, leaving(out), { shell: true }), 'ERR_CONFIG_OPTIONS'],
    [() => start({}, ['/no/such/program']), 'ERR_CONFIG_CHILD'],
    [() => start({}, [dirname(out)]), 'ERR_CONFIG_CHILD'],
  ] as const) {
    await expect(call()).rejects.toThrow(failsWith(code))
  }
  // A value that does not open: sealed for this place under this key, by nobody.
  const tampered = openConfigSync(path, { keys: sources })
  writeFileSync(path, readFileSync(path, 'utf8').replace('"rev"', '"Rev"'))
  await expect(tampered.reload()).rejects.toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  config.dispose()
  await expect(start({ TOKEN: 'token' })).rejects.toThrow(failsWith('ERR_CONFIG_DISPOSED'))
  expect(existsSync(out)).toBe(false)
})

test('no shell reads the command', async () => {
  const { config, out } = await fresh()
  const command = [
    process.execPath,
    '-e',
    `require('fs').writeFileSync(${JSON.stringify(out)}, process.argv[1])`,
    '$(id); x > y',
  ]
  expect((await run(config, command, { variables: {} })).code).toBe(0)
  expect(readFileSync(out, 'utf8')).toBe('$(id); x > y')
})

test('names become variables; two of one, and those that make programs run something else, are refused', () => {
  expect(variablesOf(['db.password', 'API_KEY', 'a-b', '9x', 'git_token', 'node_env'])).toEqual({
    DB_PASSWORD: 'db.password',
    API_KEY: 'API_KEY',
    A_B: 'a-b',
    _9X: '9x',
    GIT_TOKEN: 'git_token',
    NODE_ENV: 'node_env',
  })
  expect(() => variablesOf(['a-b', 'a.b'])).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  for (const name of ['ld_preload', 'path', 'node_options', 'bash-env', 'dyld.insert.libraries', 'git_ssh_command']) {
    expect(() => variablesOf([name]), name).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
})

const program = (path: string, child: string, options: string): string => `
import { run } from ${JSON.stringify(new URL('../dist/exec.js', import.meta.url).href)}
import { keys, openConfigSync } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
const config = openConfigSync(${JSON.stringify(path)}, { keys: [keys.raw(Buffer.from('${raw.toString('hex')}', 'hex'))] })
const { code, signal } = await run(config, [process.execPath, '-e', ${JSON.stringify(child)}], { variables: { TOKEN: 'token' }${options} })
process.exitCode = code ?? 100
console.log('ended', code, signal)`

test('what it writes is redacted on both streams, byte by byte, and ends with it', async () => {
  const { path } = await fresh()
  const child = `
const { TOKEN } = process.env
for (const byte of Buffer.from('out ' + TOKEN + '.')) require('fs').writeSync(1, Buffer.from([byte]))
console.error('err', Buffer.from(TOKEN).toString('base64'), encodeURIComponent(TOKEN))`
  const redacted = spawnSync(process.execPath, ['--input-type=module', '-e', program(path, child, ', redact: true')], {
    encoding: 'utf8',
  })
  expect(redacted.stdout).toBe('out [redacted].ended 0 null\n')
  expect(redacted.stderr).toMatch(/^err \[redacted\]=* \[redacted\]\n$/)
})

test('signals go to the child, and how it ended is told', { timeout: 30_000 }, async () => {
  const { path } = await fresh()
  for (const [child, expected] of [
    [
      "process.on('SIGTERM', () => process.exit(5)); console.log('ready'); setInterval(() => {}, 1000)",
      'ended 5 null\n',
    ],
    ["console.log('ready'); setInterval(() => {}, 1000)", 'ended null SIGTERM\n'],
  ] as const) {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program(path, child, '')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    parent.stdout.on('data', (chunk) => {
      text += String(chunk)
      if (text === 'ready\n') parent.kill('SIGTERM')
    })
    await once(parent, 'close')
    expect(text).toBe(`ready\n${expected}`)
  }
})
