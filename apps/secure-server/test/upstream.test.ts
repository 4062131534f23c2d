import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { call, cleanEnv, createKey, eventually, post, program, request, start, temporary, textOf } from './support.ts'

const everything = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist',
  'index.js',
)
const command = ['--', process.execPath, everything, 'stdio']

const client = async (url: string, key: string): Promise<Client> => {
  const made = new Client({ name: 'test', version: '1' })
  await made.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { 'X-API-Key': key } } }) as never,
  )
  onTestFinished(() => made.close())
  return made
}

describe('the reference server "everything" behind the guard', () => {
  it('is wholly there for a key with every right', async () => {
    const server = await start({ args: command })
    const full = await client(server.url, server.key())
    const { tools } = await full.listTools()
    expect(tools.map(({ name }) => name)).toContain('echo')
    expect(textOf(await full.callTool({ name: 'echo', arguments: { message: 'hi' } }))).toContain('hi')
    const { resources } = await full.listResources()
    const { resourceTemplates } = await full.listResourceTemplates()
    const { prompts } = await full.listPrompts()
    expect([resources.length > 0, resourceTemplates.length > 0, prompts.length > 0]).toEqual([true, true, true])
    expect((await full.readResource({ uri: resources[0]?.uri as string })).contents).toHaveLength(1)
    expect((await full.getPrompt({ name: prompts[0]?.name as string })).messages.length).toBeGreaterThan(0)
    expect(full.getServerCapabilities()?.experimental).toHaveProperty('authentication')
  })

  it('is listed and called by grant, its tools, resources and prompts', async () => {
    const server = await start({ args: command })
    const all = await client(server.url, server.key())
    const { resources } = await all.listResources()
    const { prompts } = await all.listPrompts()
    const [uri, otherUri] = resources.map((resource) => resource.uri) as [string, string]
    const [prompt, otherPrompt] = prompts.map(({ name }) => name) as [string, string]
    const key = createKey(server.dir, 'part', 'echo', `resource:${uri}`, `prompt:${prompt}`)
    await eventually(async () => (await post(server.url, key, request('ping'))).status === 200)
    const part = await client(server.url, key)
    expect((await part.listTools()).tools.map(({ name }) => name)).toEqual(['echo'])
    expect((await part.listResources()).resources.map((resource) => resource.uri)).toEqual([uri])
    expect((await part.listPrompts()).prompts.map(({ name }) => name)).toEqual([prompt])
    expect((await part.listResourceTemplates()).resourceTemplates).toEqual([])
    expect(textOf(await part.callTool({ name: 'echo', arguments: { message: 'x' } }))).toContain('x')
    await expect(part.callTool({ name: 'get-sum', arguments: { a: 1, b: 2 } })).rejects.toThrow(/Not allowed/)
    expect((await part.readResource({ uri })).contents).toHaveLength(1)
    await expect(part.readResource({ uri: otherUri })).rejects.toThrow(/Not allowed/)
    await expect(part.getPrompt({ name: otherPrompt })).rejects.toThrow(/Not allowed/)
    expect((await post(server.url, undefined, call('echo', { message: 'x' }))).status).toBe(401)
  })

  it('serves many clients at once through one process, each with its own answers', async () => {
    const server = await start({ args: command })
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        post(server.url, server.key(), { ...call('echo', { message: `number ${index}.` }), id: 1 }),
      ),
    )
    for (const [index, answer] of answers.entries()) expect(textOf(answer)).toContain(`number ${index}.`)
  })

  it('reports progress to who asked for it', async () => {
    const server = await start({ args: command })
    const full = await client(server.url, server.key())
    const { tools } = await full.listTools()
    const name = tools.find((tool) => tool.name.includes('long-running') || tool.name.includes('longRunning'))
      ?.name as string
    const seen: number[] = []
    await full.callTool({ name, arguments: { duration: 0.4, steps: 4 } }, undefined, {
      onprogress: ({ progress }) => seen.push(progress),
    })
    expect(seen.length).toBeGreaterThanOrEqual(3)
  })

  it('does not see our secrets in its environment', async () => {
    const server = await start({ args: command, env: { MCP_API_KEY: 'a-secret-of-ours', THEIRS: 'theirs' } })
    const full = await client(server.url, 'a-secret-of-ours')
    const { tools } = await full.listTools()
    const name = tools.find((tool) => /env/i.test(tool.name))?.name as string
    const text = textOf(await full.callTool({ name, arguments: {} }))
    expect(text).toContain('THEIRS')
    expect(text).not.toContain('a-secret-of-ours')
  })

  it('works on stdio too, with what it may ask of its one client', async () => {
    const made = new Client({ name: 'test', version: '1' }, { capabilities: { sampling: {}, roots: {} } })
    onTestFinished(() => made.close())
    await made.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [program, '--stdio', ...command],
        env: cleanEnv({ MCP_API_KEY: 'k' }),
        cwd: temporary(),
        stderr: 'pipe',
      }) as never,
    )
    const { tools } = await made.listTools()
    expect(tools.length).toBeGreaterThan(3)
    expect(textOf(await made.callTool({ name: 'echo', arguments: { message: 'over stdio' } }))).toContain('over stdio')
  })

  it('ends with the server', async () => {
    const server = await start({ args: command })
    expect((await post(server.url, server.key(), call('echo', { message: 'x' }))).status).toBe(200)
    expect(await server.stop()).toBe(0)
  })
})
