import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { administer, call, createKey, post, request, run, start, temporary, textOf, write } from './support.ts'

const legacy = {
  api_keys: {
    production: 'sk-prod-1234567890abcdef',
    development: 'sk-dev-abcdef1234567890',
    readonly: 'sk-ro-fedcba0987654321',
    limited: 'sk-li-0000111122223333',
  },
  key_permissions: { production: ['*'], development: ['hello_world', 'echo', 'get_time', 'debug_info'] },
}
const tools = async (url: string, key: string): Promise<string[]> =>
  (await post(url, key, request('tools/list'))).body.result?.tools.map(({ name }: { name: string }) => name)

describe('MCP_API_KEY', () => {
  it('is the key default with full access when nobody else knows it', async () => {
    const server = await start({ env: { MCP_API_KEY: 'my own secret' } })
    // A space cannot stand in a header: this one is for stdio. Over HTTP the same with one that can.
    expect((await post(server.url, 'my own secret', call('echo', { message: 'x' }))).status).toBe(401)
    const other = await start({ env: { MCP_API_KEY: 'my-own-secret' } })
    expect(await tools(other.url, 'my-own-secret')).toEqual(['hello_world', 'echo', 'get_time', 'debug_info'])
    expect(JSON.parse(textOf(await post(other.url, 'my-own-secret', call('debug_info')))).principal.grants).toEqual([
      '*',
    ])
    expect((await post(other.url, 'my-own-secreT', call('echo', { message: 'x' }))).status).toBe(401)
  })

  it('has the grants of the entry that it equals in a plain file', async () => {
    const server = await start({
      env: { MCP_API_KEY: legacy.api_keys.development },
      files: { 'api_keys.json': { ...legacy, key_permissions: { ...legacy.key_permissions, development: ['echo'] } } },
    })
    expect(await tools(server.url, legacy.api_keys.development)).toEqual(['echo'])
  })

  it('has the grants and the state of a key of our own format', async () => {
    const cwd = temporary()
    const dir = join(cwd, 'config')
    const key = createKey(dir, 'mine', 'get_*')
    const server = await start({ cwd, env: { MCP_API_KEY: key } })
    expect(await tools(server.url, key)).toEqual(['get_time'])
    expect(administer(dir, 'keys', 'revoke', 'mine').code).toBe(0)
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(401)
    const unknown = `${key.slice(0, -8)}zzzzzzzz`
    const other = await start({ env: { MCP_API_KEY: unknown } })
    expect((await post(other.url, unknown, request('ping'))).status).toBe(401)
  })

  it('is never more than it once was: taking its entry away does not give it every right', async () => {
    const key = legacy.api_keys.development
    const restricted = {
      api_keys: { reader: key, other: 'sk-other-1234567890' },
      key_permissions: { reader: ['hello_world'], other: ['*'] },
    }
    const server = await start({ env: { MCP_API_KEY: key }, files: { 'api_keys.json': restricted } })
    expect((await post(server.url, key, call('debug_info'))).status).toBe(403)
    write(join(server.dir, 'api_keys.json'), { ...restricted, api_keys: { other: 'sk-other-1234567890' } })
    await expect.poll(async () => (await post(server.url, key, call('hello_world'))).status).toBe(401)

    // The other way round: first it is the default, then an entry says what it may do, then the entry goes.
    const second = await start({ env: { MCP_API_KEY: 'later-an-entry' } })
    expect((await post(second.url, 'later-an-entry', call('debug_info'))).status).toBe(200)
    write(join(second.dir, 'api_keys.json'), {
      api_keys: { later: 'later-an-entry', other: 'sk-other-1234567890' },
      key_permissions: { later: ['hello_world'] },
    })
    await expect.poll(async () => (await post(second.url, 'later-an-entry', call('debug_info'))).status).toBe(403)
    write(join(second.dir, 'api_keys.json'), { api_keys: { other: 'sk-other-1234567890' } })
    await expect.poll(async () => (await post(second.url, 'later-an-entry', call('debug_info'))).status).toBe(401)
  })

  it('is no secret of its own when it is a key of ours, whatever this installation calls its keys', async () => {
    const key = createKey(temporary(), 'elsewhere', '*')
    const server = await start({
      env: { MCP_API_KEY: key },
      files: { 'portcullis.yaml': 'auth: { apiKeys: { prefix: other } }\n' },
    })
    expect((await post(server.url, key, call('debug_info'))).status).toBe(401)
  })

  it('may be as long as a header', async () => {
    const key = 'k'.repeat(3000)
    const server = await start({ env: { MCP_API_KEY: key } })
    expect((await post(server.url, key, call('debug_info'))).status).toBe(200)
    expect((await post(server.url, `${key}k`, call('debug_info'))).status).toBe(401)
  })

  it('can come out of a file that only its owner reads, and out of one place alone', async () => {
    const cwd = temporary()
    const file = write(join(cwd, 'key'), 'from-a-file\n')
    const server = await start({ cwd, env: { MCP_API_KEY_FILE: file } })
    expect((await post(server.url, 'from-a-file', call('hello_world'))).status).toBe(200)

    const both = run([], { cwd, env: { MCP_API_KEY_FILE: file, MCP_API_KEY: 'x' } })
    expect([both.code, both.stderr]).toEqual([78, expect.stringContaining('MCP_API_KEY_FILE')])
    write(file, 'from-a-file', 0o644)
    const open = run([], { cwd, env: { MCP_API_KEY_FILE: file } })
    expect([open.code, open.stderr]).toEqual([78, expect.stringContaining(`chmod 600 ${file}`)])
    const absent = run([], { cwd, env: { MCP_API_KEY_FILE: join(cwd, 'absent') } })
    expect([absent.code, absent.stderr]).toEqual([78, expect.stringContaining('absent')])
  })

  it.each(['your-secure-api-key-here', 'changeme', 'short-but-mine', 'a'.repeat(40)])(
    'is refused off loopback when it is %s',
    (key) => {
      const cwd = temporary()
      write(join(cwd, 'config', 'portcullis.json'), { listen: { allowedHosts: ['mcp.example.com'] } })
      const { code, stderr } = run(['--host', '0.0.0.0', '--port', '0'], { cwd, env: { MCP_API_KEY: key } })
      expect([code, stderr]).toEqual([78, expect.stringContaining('MCP_API_KEY')])
      expect(stderr).not.toContain(key)
      expect(readdirSync(join(cwd, 'config'))).toEqual(['portcullis.json'])
    },
  )
})

describe('MCP_AUTH_ENABLED', () => {
  it('false lets everybody do everything, on loopback and without a proxy before it', async () => {
    const server = await start({ env: { MCP_AUTH_ENABLED: 'false' } })
    expect(textOf(await post(server.url, undefined, call('echo', { message: 'open' })))).toBe('open')
    expect(textOf(await post(server.url, 'whatever', call('echo', { message: 'open' })))).toBe('open')
    for (const header of ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Via']) {
      expect((await post(server.url, undefined, call('echo', { message: 'x' }), { [header]: '1' })).status).toBe(403)
    }
    expect(
      (
        await post(
          server.url,
          undefined,
          request('initialize', {
            protocolVersion: '2025-11-25',
            capabilities: {},
            clientInfo: { name: 'x', version: '1' },
          }),
        )
      ).body.result.capabilities.experimental.authentication,
    ).toEqual({ required: false, types: [] })
  })

  it('false is refused where others could reach it', () => {
    const { code, stderr } = run(['--host', '0.0.0.0', '--port', '0'], {
      cwd: temporary(),
      env: { MCP_AUTH_ENABLED: 'false' },
    })
    expect([code, stderr]).toEqual([78, expect.stringContaining('MCP_AUTH_ENABLED')])
  })

  it.each(['False', 'TRUE', '0', '1', 'no', 'yes', ' false'])('%j is nothing that it guesses at', (value) => {
    const { code, stderr } = run(['--port', '0'], { cwd: temporary(), env: { MCP_AUTH_ENABLED: value } })
    expect([code, stderr]).toEqual([78, expect.stringContaining('MCP_AUTH_ENABLED')])
  })
})

describe('MCP_DEBUG', () => {
  it('true logs more', async () => {
    const server = await start({ env: { MCP_DEBUG: 'true' } })
    expect(server.errors()).toContain('"level":"debug"')
    expect((await start()).errors()).not.toContain('"level":"debug"')
  })
})

describe('config/api_keys.json of the specification', () => {
  it('is read as it is, with a warning', async () => {
    const server = await start({ files: { 'api_keys.json': legacy } })
    expect(server.errors()).toMatch(/"level":"warn","event":"keys.plain".*portcullis keys migrate/)
    const { production, development, readonly, limited } = legacy.api_keys
    expect(await tools(server.url, production)).toHaveLength(4)
    expect(await tools(server.url, development)).toHaveLength(4)
    // Without an entry in key_permissions the specification's names mean what they say there.
    expect(await tools(server.url, readonly)).toEqual(['get_time'])
    expect(await tools(server.url, limited)).toEqual(['hello_world', 'echo'])
    expect((await post(server.url, 'sk-unknown-0000000000', request('ping'))).status).toBe(401)
    expect(server.errors() + server.output()).not.toContain('sk-')
  })

  it('is converted by one command while the server runs, and the keys keep working', async () => {
    const server = await start({ files: { 'api_keys.json': legacy } })
    expect(administer(server.dir, 'keys', 'create', 'new').code).toBe(5)
    expect(administer(server.dir, 'keys', 'migrate').code).toBe(0)
    const key = createKey(server.dir, 'new', 'echo')
    await expect.poll(async () => (await post(server.url, key, request('ping'))).status).toBe(200)
    expect(await tools(server.url, legacy.api_keys.readonly)).toEqual(['get_time'])
    expect(administer(server.dir, 'keys', 'revoke', 'readonly').code).toBe(0)
    await expect.poll(async () => (await post(server.url, legacy.api_keys.readonly, request('ping'))).status).toBe(401)
  })
})

describe('where settings come from', () => {
  it('takes a flag before the environment, that before the file, and that before the default', async () => {
    const files = { 'portcullis.yaml': 'name: from-file\nlisten: { port: 1, path: /secure }\n' }
    const server = await start({ files })
    expect(new URL(server.url).pathname).toBe('/secure')
    const cwd = temporary()
    write(join(cwd, 'config', 'portcullis.yaml'), 'listen: { port: 70000 }\n')
    expect(run([], { cwd }).code).toBe(78)
    // Ports below 1024 are free to root: the one that is taken says which one was chosen.
    const taken = new URL(server.url).port
    const chosen = (args: string[], env: Record<string, string>) => run(args, { cwd: temporary(), env }).stderr
    expect(chosen(['--port', taken], { PORTCULLIS_PORT: '0' })).toContain(`127.0.0.1:${taken}`)
    expect(chosen([], { PORTCULLIS_PORT: taken, PORT: '0' })).toContain(`127.0.0.1:${taken}`)
    expect(chosen([], { PORT: taken })).toContain(`127.0.0.1:${taken}`)
  })
})
