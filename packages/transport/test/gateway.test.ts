import { McpServer } from '@modelcontextprotocol/server'
import { createPolicy } from '@portcullis/authz'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createGateway, type McpEndpoint, TransportError } from '../src/index.ts'
import { createGates, listen, naiveServer, post, principal, rpc, serve, startSession, type World } from './support.ts'

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
const long = 'a_name_that_is_longer_than_what_models_take_for_the_name_of_a_tool'

const files = (): McpServer => {
  const server = new McpServer({ name: 'files', version: '1' }, { capabilities: { resources: { subscribe: true } } })
  const tool = (name: string, answer: unknown = text(`files ${name}`)) =>
    server.registerTool(name, { inputSchema: z.object({}) }, async () => answer as never)
  for (const name of ['read', 'double__name', long, 'dotted.name']) tool(name)
  tool('find', {
    content: [
      { type: 'resource_link', uri: 'file:///a.txt', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///b.txt', text: 'b' } },
    ],
  })
  server.registerTool('curious', { inputSchema: z.object({}) }, async () => {
    await server.server.elicitInput({ message: '?', requestedSchema: { type: 'object', properties: {} } })
    return text('answered')
  })
  server.registerResource('a', 'file:///a.txt', {}, async (uri) => ({ contents: [{ uri: uri.href, text: 'a' }] }))
  server.server.setRequestHandler('resources/subscribe', async () => ({}))
  server.registerPrompt('greet', {}, async () => ({
    messages: [{ role: 'user', content: { type: 'resource', resource: { uri: 'file:///a.txt', text: 'a' } } }],
  }))
  return server
}

const down: McpEndpoint = {
  remote: true,
  connect: async () => {
    throw new Error('not today')
  },
}

describe('a gateway', () => {
  let world: World
  let url: string
  const upstream = files()
  beforeAll(async () => {
    const local = naiveServer('v1', createGates())
    local.registerTool('not__upstream', {}, async () => text('local'))
    const gateway = createGateway(local as never, { files: upstream as never, crm: down })
    world = await serve(gateway, { locate: gateway.names.locate, policy: createPolicy() })
    url = world.served.url
    for (const [name, grants] of Object.entries({
      reader: ['files/read'],
      local: ['*', '!files/*', '!resource:files/**'],
      wide: ['tool:*/read', 'resource:files/file:///*'],
    })) {
      world.keys[name] = principal(`api_key:t::${name}`, grants)
    }
  })
  afterAll(async () => world.served.close(0))

  const names = async (key: string): Promise<string[]> => {
    const { body } = await post(url, key, rpc('tools/list'))
    return body.result.tools.map(({ name }: { name: string }) => name)
  }
  const callTool = (key: string, name: string) => post(url, key, rpc('tools/call', { name, arguments: {} }))

  it('shows the tools of all servers, by names that models take', async () => {
    const all = await names('alice')
    expect(all).toEqual(expect.arrayContaining(['hello', 'files__read', 'files__double__name']))
    for (const name of all) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    expect(new Set(all).size).toBe(all.length)
  })

  it('goes on when one of them is down', async () => {
    expect(await names('alice')).toContain('files__read')
    expect((await callTool('alice', 'crm__anything')).status).toBe(503)
    expect((await callTool('alice', 'hello')).status).toBe(200)
  })

  it('calls each by its own name', async () => {
    const all = await names('alice')
    const shortened = all.filter((name) => name.startsWith('files__a_name'))
    const dotted = all.filter((name) => name.startsWith('files__dotted'))
    for (const [name, own] of [
      ['files__read', 'read'],
      ['files__double__name', 'double__name'],
      [shortened[0] as string, long],
      [dotted[0] as string, 'dotted.name'],
    ] as const) {
      expect((await callTool('alice', name)).body.result.content[0].text).toBe(`files ${own}`)
    }
  })

  it('decides by server and name', async () => {
    expect(await names('reader')).toEqual(['files__read'])
    expect((await callTool('reader', 'files__read')).status).toBe(200)
    expect((await callTool('reader', 'files__find')).status).toBe(403)
    expect((await callTool('reader', 'hello')).status).toBe(403)
    const local = await names('local')
    expect(local.filter((name) => name.startsWith('files__'))).toEqual([])
    expect((await callTool('local', 'files__read')).status).toBe(403)
    expect((await callTool('wide', 'files__read')).status).toBe(200)
    const decided = world.events.filter(
      ({ type, server, name }) => type === 'decision' && server === 'files' && name === 'read',
    )
    expect(decided.length).toBeGreaterThan(0)
  })

  it('takes two underscores for a border only behind the name of an upstream', async () => {
    expect((await callTool('alice', 'not__upstream')).body.result.content[0].text).toBe('local')
    expect((await callTool('local', 'not__upstream')).status).toBe(200)
  })

  it('lets no upstream ask a client for something', async () => {
    const session = await startSession(url, 'alice', '2025-11-25', { elicitation: {} })
    const { body, messages } = await post(url, 'alice', rpc('tools/call', { name: 'files__curious', arguments: {} }), {
      'mcp-session-id': session,
    })
    expect(body.result?.isError ?? body.error).toBeTruthy()
    expect(messages.filter(({ method }) => method === 'elicitation/create')).toEqual([])
  })

  it('has one name for a resource, wherever it stands', async () => {
    const uri = 'files+file:///a.txt'
    const listed = await post(url, 'alice', rpc('resources/list'))
    expect(listed.body.result.resources.map((item: { uri: string }) => item.uri)).toContain(uri)
    const read = await post(url, 'wide', rpc('resources/read', { uri }))
    expect(read.body.result.contents).toEqual([{ uri, text: 'a' }])
    expect((await post(url, 'reader', rpc('resources/read', { uri }))).status).toBe(403)
    const found = await callTool('alice', 'files__find')
    expect(found.body.result.content).toMatchObject([{ uri }, { resource: { uri: 'files+file:///b.txt' } }])
    const prompt = await post(url, 'alice', rpc('prompts/get', { name: 'files__greet' }))
    expect(prompt.body.result.messages[0].content.resource.uri).toBe(uri)
  })

  it('decides on a resource by its canonical URI there, however it is spelt', async () => {
    world.keys['kept'] = principal('api_key:t::kept', ['resource:files/**', '!resource:files/http://secret.example/**'])
    const read = async (uri: string) => (await post(url, 'kept', rpc('resources/read', { uri }))).status
    for (const uri of [
      'files+http://secret.example/x',
      'files+http://SECRET.example/x',
      'files+http://secret.example:80/x',
      'FILES+HTTP://secret.EXAMPLE/x',
      'files+http://secret.example./x',
      'files+file://localhost/../x',
    ]) {
      expect([uri, await read(uri)]).toEqual([uri, 403])
    }
    expect(await read('files+file://localhost/a.txt')).toBe(200)
  })

  it('tells subscribers of a resource by that name', async () => {
    const session = await startSession(url, 'alice')
    const stream = await listen(url, 'alice', session)
    const uri = 'files+file:///a.txt'
    const asked = await post(url, 'alice', rpc('resources/subscribe', { uri }), { 'mcp-session-id': session })
    expect(asked.body.result).toEqual({})
    await upstream.server.sendResourceUpdated({ uri: 'file:///a.txt' })
    expect(await stream.next()).toMatchObject({ method: 'notifications/resources/updated', params: { uri } })
    stream.close()
  })

  it('takes no id that a name could be mistaken for', () => {
    for (const id of ['local', '', 'A', 'a__b', 'a/b', '1a', 'a+b', 'a'.repeat(33)]) {
      expect(() => createGateway(down, { [id]: down })).toThrow(TransportError)
    }
  })
})
