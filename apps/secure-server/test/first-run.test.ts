import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { administer, call, cleanEnv, post, start, temporary, textOf, write } from './support.ts'

const fakeCurl = fileURLToPath(new URL('./fixtures', import.meta.url))

describe('the first run', () => {
  it('makes one key, keeps it for its owner, and never shows it off a terminal', async () => {
    const server = await start()
    const key = server.key()
    expect(key).toMatch(/^pck_live_[0-9A-Za-z]{61}$/)
    expect(statSync(join(server.dir, 'first-key.header')).mode & 0o777).toBe(0o600)
    expect(statSync(join(server.dir, 'api_keys.json')).mode & 0o777).toBe(0o600)
    expect(statSync(server.dir).mode & 0o777).toBe(0o700)
    expect(readFileSync(join(server.dir, 'api_keys.json'), 'utf8')).not.toContain(key)
    expect(server.output() + server.errors()).not.toContain(key)
    expect(textOf(await post(server.url, key, call('hello_world')))).toBe('Hello, World!')
    expect((await post(server.url, undefined, call('hello_world'))).status).toBe(401)
  })

  it('prints a command that works as it stands', async () => {
    const server = await start()
    const command = /^ {2}(curl .*)$/m.exec(server.output())?.[1] as string
    expect(command).toContain('-H @config/first-key.header')
    // The shell takes the command apart; a stand-in for curl that reads -H, -d and @files sends it.
    const { stdout } = spawnSync('sh', ['-c', command], {
      cwd: server.cwd,
      env: { ...cleanEnv(), PATH: `${fakeCurl}:${process.env['PATH']}` },
      encoding: 'utf8',
    })
    expect(JSON.parse(stdout)).toMatchObject({ result: { content: [{ text: 'Hello, World!' }] } })
  })

  it('makes no second key, and says the same command again', async () => {
    const first = await start()
    const key = first.key()
    expect(await first.stop()).toBe(0)
    const second = await start({ cwd: first.cwd })
    expect(second.key()).toBe(key)
    expect(second.output()).toContain('curl ')
    expect((await post(second.url, key, call('hello_world'))).status).toBe(200)
    expect(JSON.parse(readFileSync(join(second.dir, 'api_keys.json'), 'utf8')).keys).toHaveLength(1)
  })

  it('twice at once leaves one key, and the header is that key', async () => {
    const cwd = temporary()
    write(join(cwd, 'config', 'portcullis.yaml'), 'audit: false\n')
    const servers = await Promise.all([start({ cwd }), start({ cwd }), start({ cwd })])
    for (const server of servers) expect((await post(server.url, server.key(), call('hello_world'))).status).toBe(200)
    expect(JSON.parse(readFileSync(join(cwd, 'config', 'api_keys.json'), 'utf8')).keys).toHaveLength(1)
  })

  it('prints no command that would not work any more', async () => {
    const first = await start()
    expect(administer(first.dir, 'keys', 'revoke', 'first').code).toBe(0)
    await first.stop()
    expect((await start({ cwd: first.cwd })).output()).not.toContain('curl ')
  })

  it.each<[string, Parameters<typeof start>[0]]>([
    ['there is MCP_API_KEY', { env: { MCP_API_KEY: 'some-key-of-mine' } }],
    ['there is a key file', { files: { 'api_keys.json': { api_keys: { mine: 'sk-of-mine-1234567890' } } } }],
    ['authentication is off', { env: { MCP_AUTH_ENABLED: 'false' } }],
    ['anonymous callers have grants', { files: { 'portcullis.json': { auth: { anonymous: ['hello_world'] } } } }],
  ])('makes none when %s', async (_, options) => {
    const server = await start(options)
    expect(existsSync(join(server.dir, 'first-key.header'))).toBe(false)
    expect(server.output()).not.toContain('curl')
  })

  it('keeps everything it writes out of git', async () => {
    const server = await start()
    await post(server.url, server.key(), call('hello_world'))
    spawnSync('git', ['init', '-q'], { cwd: server.cwd, env: cleanEnv() })
    const { stdout, status } = spawnSync('git', ['status', '--porcelain', '--untracked-files=all'], {
      cwd: server.cwd,
      env: cleanEnv(),
      encoding: 'utf8',
    })
    expect([status, stdout]).toEqual([0, ''])
  })

  it('writes where it is told to', async () => {
    const cwd = temporary()
    const server = await start({ cwd, args: ['--dir', 'elsewhere'] })
    expect(readdirSync(cwd)).toEqual(['elsewhere'])
    expect(server.output()).toContain('@elsewhere/first-key.header')
    const other = await start({ cwd: temporary(), env: { PORTCULLIS_HOME: join(cwd, 'third') } })
    expect(existsSync(join(cwd, 'third', 'first-key.header'))).toBe(true)
    expect(other.output()).toContain(join(cwd, 'third', 'first-key.header'))
  })
})
