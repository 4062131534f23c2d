import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createKey, eventually, post, request, run, start, temporary, write } from './support.ts'

/** One line on standard error, nothing on standard output. */
const refused = (args: readonly string[], files: Record<string, unknown> = {}, env: Record<string, string> = {}) => {
  const cwd = temporary()
  for (const [name, content] of Object.entries(files)) write(join(cwd, 'config', name), content)
  const ended = run(args, { cwd, env })
  expect(ended.stdout).toBe('')
  expect(ended.stderr.trim().split('\n')).toHaveLength(1)
  expect(ended.stderr).toMatch(/^portcullis-server: /)
  return { ...ended, cwd, written: existsSync(join(cwd, 'config')) ? readdirSync(join(cwd, 'config')) : [] }
}

describe('the command line', () => {
  it.each<[string[], string]>([
    [['--prot', '1'], 'did you mean "port"?'],
    [['--port'], '--port needs a value'],
    [['--port', 'x'], '--port takes a number'],
    [['--port', '65536'], '--port takes a number'],
    [['--port', '1', '--port', '2'], 'given twice'],
    [['--stdio=yes'], '--stdio takes no value'],
    [['server.js'], 'behind --'],
    [['--'], 'a command must follow'],
    [['-x'], 'unknown option'],
  ])('%j is refused with exit code 2', (args, words) => {
    const { code, stderr, written } = refused(args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)])
    expect(written).toEqual([])
  })

  it('says how it is used and which version it is', () => {
    const cwd = temporary()
    for (const flag of ['--help', '-h'])
      expect(run([flag], { cwd })).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('usage: portcullis-server'),
      })
    expect(run(['--version'], { cwd }).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(readdirSync(cwd)).toEqual([])
  })
})

describe('the configuration', () => {
  it.each<[string, string, string[]]>([
    ['an unknown key', 'name: x\nlisten:\n  prot: 1\n', [':3:', '"listen.prot"', 'did you mean "port"?']],
    ['an unknown key at the top', 'polcy: {}\n', [':1:', '"polcy"', 'did you mean "policy"?']],
    [
      'an unknown key in a list',
      'policy:\n  rules:\n    - match: x\n      coast: 5\n',
      [':4:', '"policy.rules[0].coast"', 'did you mean "cost"?'],
    ],
    ['an unknown key beside an alternative', 'audit:\n  fil: x\n', [':2:', '"audit.fil"', 'did you mean "file"?']],
    ['a value of the wrong type', 'listen:\n  host: x\n  port: "3000"\n', [':3:', 'listen.port']],
    ['a value that is too large', 'listen: { port: 65536 }\n', [':1:', 'listen.port']],
    ['a value that is none of the choices', 'validation:\n  preset: strickt\n', [':2:', 'validation.preset']],
    ['a key that is there twice', 'name: x\nname: y\n', [':2:']],
    ['text that is not YAML', 'name: [\n', [':']],
    ['a list', '- 1\n', ['']],
    ['a variable that is not set', 'name: "${env:NO_SUCH_VARIABLE}"\n', [':1:', 'NO_SUCH_VARIABLE']],
    ['a file that is not there', 'name: "${file:no-such-file}"\n', [':1:', 'no-such-file']],
    ['a malformed grant', 'auth: { anonymous: ["tool:"] }\n', ['tool:']],
    ['a malformed rule', 'policy: { rules: [{ match: "!echo" }] }\n', ['policy.rules[0]']],
    ['an address that is none', 'validation: { blockedAddresses: [300.1.1.1] }\n', ['300.1.1.1']],
    ['a proxy that is none', 'listen: { trustedProxies: [10.0.0.0/33] }\n', ['10.0.0.0/33']],
  ])('%s is refused with exit code 78', (_, yaml, words) => {
    const { code, stderr, written } = refused([], { 'portcullis.yaml': yaml })
    expect(code).toBe(78)
    for (const word of words) expect(stderr).toContain(word)
    expect(written).toEqual(['portcullis.yaml'])
  })

  it('is read as JSON too, with lines', () => {
    const { code, stderr } = refused([], { 'portcullis.json': '{\n  "name": "x",\n  "lsten": {}\n}\n' })
    expect([code, stderr]).toEqual([78, expect.stringMatching(/portcullis\.json:3: .*did you mean "listen"/)])
  })

  it('is one file', () => {
    expect(refused([], { 'portcullis.json': '{}', 'portcullis.yaml': '{}' })).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('keep one'),
    })
    expect(refused(['--config', 'nowhere.yaml'])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('nowhere.yaml'),
    })
    expect(refused([], {}, { PORTCULLIS_CONFIG: 'nowhere.yaml' })).toMatchObject({ code: 78 })
  })

  it('may not be written by others', () => {
    const cwd = temporary()
    const file = write(join(cwd, 'config', 'portcullis.yaml'), 'name: x\n', 0o666)
    expect(run([], { cwd })).toMatchObject({ code: 78, stderr: expect.stringMatching(/chmod (?:go-w|600|644) /) })
    chmodSync(file, 0o644)
    write(join(cwd, 'config', 'secret'), 'x', 0o644)
    write(file, 'name: "${file:secret}"\n')
    expect(run([], { cwd })).toMatchObject({ code: 78, stderr: expect.stringContaining('chmod 600') })
  })
})

describe('what it cannot do', () => {
  it('ends with 6 when the port is taken, and says which', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const { port } = holder.address() as { port: number }
    expect(refused(['--port', `${port}`])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining(`127.0.0.1:${port}`),
    })
    expect(refused(['--port', '0', '--ops-port', `${port}`])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining(`${port}`),
    })
    holder.close()
  })

  it('leaves no key behind when it could not start', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const { written } = refused(['--port', `${(holder.address() as { port: number }).port}`])
    expect(written).not.toContain('first-key.header')
    expect(written).not.toContain('api_keys.json')
    holder.close()
  })

  it('ends with 6 when the guarded server cannot be started or does not answer', () => {
    expect(refused(['--port', '0', '--', '/no/such/program'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('/no/such/program'),
    })
    expect(refused(['--port', '0', '--', process.execPath, '-e', 'process.exit(3)'])).toMatchObject({ code: 6 })
  })

  it('ends with 5 when another server writes the same audit log', async () => {
    const server = await start()
    const other = run(['--port', '0'], { cwd: server.cwd })
    expect([other.code, other.stderr]).toEqual([5, expect.stringContaining('audit')])
    expect((await post(server.url, server.key(), request('ping'))).status).toBe(200)
  })

  it('ends with 78 off loopback without a way in or without names, and creates nothing', () => {
    const open = ['--host', '0.0.0.0', '--port', '0']
    const nobody = refused(open)
    expect(nobody).toMatchObject({ code: 78, written: [], stderr: expect.stringContaining('portcullis keys create') })
    const nameless = refused(open, {}, { MCP_API_KEY: 'k7Jd0-fjq83-ncAl2-38fjq-9nvmz-q8a7d' })
    expect(nameless).toMatchObject({ code: 78, written: [], stderr: expect.stringContaining('allowedHosts') })
  })
})

describe('whoever reads what it says', () => {
  it('may go away without taking the server along', async () => {
    const server = await start({ env: { MCP_DEBUG: 'true' } })
    server.child.stderr?.destroy()
    server.child.stdout?.destroy()
    for (let time = 0; time < 3; time++)
      expect((await post(server.url, server.key(), request('tools/list'))).status).toBe(200)
    expect(server.child.exitCode).toBeNull()
  })

  it('is not told the password of a Redis that cannot be reached', async () => {
    const server = await start({ env: { PORTCULLIS_REDIS_URL: 'redis://user:secret@127.0.0.1:1' } })
    await eventually(() => server.errors().includes('degraded'))
    expect(server.errors() + server.output()).not.toContain('secret@')
    expect(server.errors()).not.toContain('user:secret')
  })
})

describe('a key store that cannot be trusted', () => {
  it.each<[string, (file: string) => void, string]>([
    ['is damaged', (file) => write(file, readFileSync(file, 'utf8').slice(0, -20)), 'api_keys.json'],
    ['can be read by others', (file) => chmodSync(file, 0o644), 'chmod 600'],
    ['is something else', (file) => write(file, '[]'), 'api_keys.json'],
  ])('that %s: 78 at the start, 503 in a running server, untouched in both', async (_, spoil, words) => {
    const server = await start()
    const key = createKey(server.dir, 'other', 'echo')
    const file = join(server.dir, 'api_keys.json')
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(200)
    const whole = readFileSync(file, 'utf8')
    spoil(file)
    const spoilt = readFileSync(file)
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(503)
    expect((await post(server.url, undefined, request('ping'))).status).toBe(401)
    const again = run(['--port', '0'], { cwd: server.cwd })
    expect([again.code, again.stderr]).toEqual([78, expect.stringContaining(words)])
    expect(readFileSync(file)).toEqual(spoilt)
    write(file, whole)
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(200)
  })

  it('that vanishes is an outage, not an answer', async () => {
    const server = await start()
    const key = server.key()
    expect((await post(server.url, key, request('ping'))).status).toBe(200)
    const file = join(server.dir, 'api_keys.json')
    renameSync(file, `${file}.away`)
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(503)
    renameSync(`${file}.away`, file)
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(200)
  })

  it('is not looked for behind a directory that others can write to', () => {
    const cwd = temporary()
    mkdirSync(join(cwd, 'config'))
    chmodSync(join(cwd, 'config'), 0o777)
    expect(run(['--port', '0'], { cwd })).toMatchObject({ code: 78, stderr: expect.stringContaining('chmod') })
    expect(readdirSync(join(cwd, 'config'))).toEqual([])
  })
})
