import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { readdirSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type AnyClient, cleanEnv, createKey, program, run, temporary, textOf, write } from './support.ts'

/** As the specification has it in claude_desktop_config.json, with our program in place of python. */
const configuration = (env: Record<string, string>, dir?: string) => ({
  command: process.execPath,
  args: [program, '--stdio', ...(dir === undefined ? [] : ['--dir', dir])],
  env: { ...cleanEnv(), ...env },
})

const connect = async (
  kind: 'v1' | 'v2',
  server: ReturnType<typeof configuration>,
  cwd: string,
): Promise<AnyClient> => {
  const info = { name: 'claude', version: '1' }
  const client = kind === 'v1' ? new ClientV1(info) : new ClientV2(info)
  onTestFinished(() => client.close())
  const Transport = kind === 'v1' ? StdioV1 : StdioV2
  await client.connect(new Transport({ ...server, cwd, stderr: 'pipe' }) as never)
  return client as unknown as AnyClient
}

const listing = (dir: string) => readdirSync(dir).sort()

describe.each(['v1', 'v2'] as const)('on stdio with the %s client', (kind) => {
  it.each(['your-secure-api-key-here', 'a key with spaces'])(
    'works with the key %j, from / too, and writes nothing',
    async (key) => {
      const before = listing('/')
      for (const cwd of ['/', temporary()]) {
        const client = await connect(
          kind,
          configuration({ MCP_AUTH_ENABLED: 'true', MCP_API_KEY: key, MCP_DEBUG: 'false' }),
          cwd,
        )
        expect(client.getServerCapabilities().experimental.authentication).toEqual({
          required: true,
          types: ['api_key'],
        })
        expect((await client.listTools()).tools).toHaveLength(4)
        expect(textOf(await client.callTool({ name: 'hello_world', arguments: {} }))).toBe('Hello, World!')
        await client.close()
        if (cwd !== '/') expect(listing(cwd)).toEqual([])
      }
      expect(listing('/')).toEqual(before)
    },
  )

  it('gives a key of a key file the rights that it has there', async () => {
    const dir = temporary()
    const key = createKey(dir, 'desktop', 'get_*')
    const client = await connect(kind, configuration({ MCP_API_KEY: key }, dir), '/')
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['get_time'])
    await expect(client.callTool({ name: 'echo', arguments: { message: 'x' } })).rejects.toThrow(/Not allowed/)
  })

  it('refuses a client whose key is not known, or that has none', async () => {
    const dir = temporary()
    createKey(dir, 'other')
    const unknown = createKey(temporary(), 'elsewhere', '*')
    for (const env of [{ MCP_API_KEY: unknown }, {}]) {
      await expect(connect(kind, configuration(env as Record<string, string>, dir), '/')).rejects.toThrow(
        /credential|Authentication/,
      )
    }
  })

  it('needs no key when authentication is off', async () => {
    const client = await connect(kind, configuration({ MCP_AUTH_ENABLED: 'false' }), '/')
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'open' } }))).toBe('open')
  })
})

describe('on stdio', () => {
  it('stays up without a key and answers every request with 401', () => {
    const lines = ['initialize', 'ping', 'tools/list', 'tools/call'].map((method, id) =>
      JSON.stringify({ jsonrpc: '2.0', id, method, params: {} }),
    )
    const cwd = temporary()
    const { stdout, code } = run(['--stdio'], { cwd, input: `${lines.join('\n')}\n` })
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).error.code),
    ).toEqual([401, 401, 401, 401])
    expect(code).toBe(0)
    expect(listing(cwd)).toEqual([])
  })

  it('writes nothing to standard output but messages, whatever goes wrong', () => {
    const cwd = temporary()
    const { stdout, stderr } = run(['--stdio'], {
      cwd,
      env: { MCP_API_KEY: 'k', MCP_DEBUG: 'true' },
      input: 'not json\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
    })
    for (const line of stdout.trim().split('\n')) expect(JSON.parse(line).jsonrpc).toBe('2.0')
    expect(stderr).not.toBe('')
    for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
  })

  it('writes the audit log that it is told to', () => {
    const cwd = temporary()
    write(`${cwd}/config/portcullis.yaml`, 'audit: { file: audit/calls.jsonl }\n')
    run(['--stdio'], { cwd, env: { MCP_API_KEY: 'k' }, input: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n' })
    expect(listing(`${cwd}/config/audit`)).toContain('calls.jsonl')
  })
})
