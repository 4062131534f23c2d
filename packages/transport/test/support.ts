import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { createPolicy, type Principal } from '@portcullis/authz'
import { type AuditEvent, createGuard, type Guard, type GuardOptions } from '@portcullis/guard'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { type Gateway, type McpEndpoint, type Served, serveHttp, type ServeHttpOptions } from '../src/index.ts'

export const principal = (id: string, grants: readonly string[], method = 'api_key'): Principal =>
  Object.freeze({ id, method, grants: Object.freeze([...grants]), authenticatedAtMs: 1 })

/** Keys that can be taken away while the server runs. */
export const keyring = (keys: Record<string, Principal>) => ({
  keys,
  verify: (text: string) => {
    const found = Object.hasOwn(keys, text) ? keys[text] : undefined
    return found === undefined ? { ok: false as const, reason: 'unknown' } : { ok: true as const, principal: found }
  },
})

export interface World {
  readonly served: Served
  readonly guard: Guard
  readonly events: AuditEvent[]
  readonly keys: Record<string, Principal>
}

export const everyKey = (): Record<string, Principal> => ({
  alice: principal('api_key:t::alice', ['*']),
  mallory: principal('api_key:t::mallory', ['*']),
  limited: principal('api_key:t::limited', ['hello', 'resource:memo://open/*']),
  nobody: principal('api_key:t::nobody', []),
})

export const serve = async (
  endpoint: McpEndpoint | Gateway,
  guardOptions: Partial<GuardOptions> = {},
  httpOptions: Partial<ServeHttpOptions> = {},
): Promise<World> => {
  const keys = everyKey()
  const events: AuditEvent[] = []
  const guard = createGuard({
    authenticate: { apiKeys: keyring(keys) },
    policy: createPolicy(),
    audit: {
      record: async (event) => {
        events.push(event)
      },
    },
    ...guardOptions,
  })
  const served = await serveHttp(endpoint, { guard, port: 0, ...httpOptions })
  return { served, guard, events, keys }
}

/** Gates that a test opens: a tool that waits for one is surely under way. */
export const createGates = () => {
  const gates = new Map<
    string,
    { open: () => void; opened: Promise<void>; entered: Promise<void>; enter: () => void }
  >()
  const gate = (name: string) => {
    const known = gates.get(name)
    if (known !== undefined) return known
    let open = () => {}
    let enter = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const entered = new Promise<void>((resolve) => {
      enter = resolve
    })
    const made = { open: () => open(), opened, entered, enter: () => enter() }
    gates.set(name, made)
    return made
  }
  return gate
}

export type Gate = ReturnType<typeof createGates>

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** What both SDKs' servers have in common, as far as this file uses it. */
type AnyServer = InstanceType<typeof McpServerV1>

/**
 * A server as its author might write it who never thought of more than one client: one instance, no notion of sessions.
 * `v2` has the same tools through the other SDK.
 */
export const naiveServer = (generation: 'v1' | 'v2', gate: Gate): AnyServer => {
  const options = { capabilities: { logging: {}, resources: { subscribe: true } } }
  const server = (
    generation === 'v1'
      ? new McpServerV1({ name: 'naive', version: '1' }, options)
      : new McpServerV2({ name: 'naive', version: '1' }, options)
  ) as AnyServer
  const raw = server.server
  const tool = (name: string, shape: Record<string, z.ZodType>, run: (args: any, extra: any) => Promise<any>): void => {
    server.registerTool(name, { description: name, inputSchema: z.object(shape) as any }, run as any)
  }

  tool('hello', { name: z.string().optional() }, async ({ name }) => text(`Hello, ${name ?? 'World'}!`))
  tool('wait', { gate: z.string() }, async ({ gate: name }, extra) => {
    const signal: AbortSignal = extra.signal ?? extra.mcpReq.signal
    gate(name).enter()
    const cancelled = new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('cancelled')))
    return text(await Promise.race([gate(name).opened.then(() => `done ${name}`), cancelled]))
  })
  tool('whoami', {}, async (_, extra) => text((extra.authInfo ?? extra.http?.authInfo)?.clientId ?? 'nobody'))
  // Through the server, not through the request's own context: nothing says whose request it belongs to.
  tool('ask', { question: z.string() }, async ({ question }) => {
    const answer = await raw.elicitInput({
      message: question,
      requestedSchema: { type: 'object', properties: { answer: { type: 'string' } } },
    } as any)
    return text(JSON.stringify(answer))
  })
  tool('shout', { what: z.string(), gate: z.string().optional() }, async ({ what, gate: name }) => {
    await raw.sendLoggingMessage({ level: 'info', data: what })
    if (name !== undefined) {
      gate(name).enter()
      await gate(name).opened
      await raw.sendLoggingMessage({ level: 'info', data: `${what} again` })
    }
    return text(what)
  })
  tool('progress', { gate: z.string() }, async ({ gate: name }, extra) => {
    const token = (extra._meta ?? extra.mcpReq?._meta)?.progressToken
    gate(name).enter()
    await gate(name).opened
    await raw.notification({
      method: 'notifications/progress',
      params: { progressToken: token, progress: 1, message: name },
    })
    return text(`progressed ${name}`)
  })

  server.registerResource('open', 'memo://open/1', {}, async (uri) => ({ contents: [{ uri: uri.href, text: 'open' }] }))
  server.registerResource('secret', 'memo://secret/1', {}, async (uri) => ({
    contents: [{ uri: uri.href, text: 'secret' }],
  }))
  server.registerPrompt('greet', { description: 'greets' }, async () => ({
    messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'hi' } }],
  }))
  return server
}

export interface Rpc {
  readonly status: number
  readonly headers: Headers
  readonly body: any
  /** Messages of an SSE answer in order; for JSON just the one. */
  readonly messages: any[]
}

let nextId = 1000

/** One JSON-RPC message over HTTP, with nothing between the test and the wire that would tidy it up. */
export const post = async (
  url: string,
  key: string | undefined,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<Rpc> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...headers,
    },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  })
  const raw = await response.text()
  const messages = (response.headers.get('content-type') ?? '').startsWith('text/event-stream')
    ? events(raw)
    : raw === ''
      ? []
      : [JSON.parse(raw)]
  return { status: response.status, headers: response.headers, body: messages.at(-1), messages }
}

export const events = (raw: string): any[] =>
  raw
    .split('\n\n')
    // An event without data only gives the client an id.
    .flatMap((block) => block.split('\n').filter((line) => line.startsWith('data: ') && line !== 'data: '))
    .map((line) => JSON.parse(line.slice(6)))

export const call = (
  name: string,
  args: Record<string, unknown> = {},
  id: string | number = nextId++,
  meta?: unknown,
) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) },
})

export const rpc = (method: string, params: unknown = {}, id: string | number = nextId++) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

export const initialize = (revision = '2025-11-25', capabilities: Record<string, unknown> = {}) =>
  rpc('initialize', { protocolVersion: revision, capabilities, clientInfo: { name: 'test', version: '1' } })

export const startSession = async (
  url: string,
  key: string,
  revision = '2025-11-25',
  capabilities: Record<string, unknown> = {},
): Promise<string> => {
  const { headers, status } = await post(url, key, initialize(revision, capabilities))
  const id = headers.get('mcp-session-id')
  if (status !== 200 || id === null) throw new Error(`no session: ${status}`)
  return id
}

export interface Listening {
  readonly status: number
  /** The next message, or `undefined` when the stream ended. */
  next(): Promise<any>
  close(): void
}

/** Listens to whatever `request` opens, message by message. */
export const follow = async (request: (signal: AbortSignal) => Promise<Response>): Promise<Listening> => {
  const controller = new AbortController()
  const response = await request(controller.signal)
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  const queue: any[] = []
  let rest = ''
  return {
    status: response.status,
    async next() {
      while (queue.length === 0) {
        const read = await reader?.read().catch(() => undefined)
        if (read === undefined || read.done) return undefined
        rest += decoder.decode(read.value, { stream: true })
        const cut = rest.lastIndexOf('\n\n') + 2
        queue.push(...events(rest.slice(0, cut)))
        rest = rest.slice(cut)
      }
      return queue.shift()
    },
    close: () => controller.abort(),
  }
}

/** The standalone stream of a session. */
export const listen = (url: string, key: string, session: string): Promise<Listening> =>
  follow((signal) =>
    fetch(url, { headers: { accept: 'text/event-stream', 'x-api-key': key, 'mcp-session-id': session }, signal }),
  )

/** Messages out of a stream of lines, as they come. */
export const readMessages = (output: Readable): any[] => {
  const seen: any[] = []
  let rest = ''
  output.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() as string
    for (const line of lines) seen.push(JSON.parse(line))
  })
  return seen
}

/** Bytes on a socket and what comes back: for what `fetch` and `http.request` refuse to send. */
export const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (answer.includes('\r\n\r\n')) socket.end()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.write(text)
  })

/** A POST whose body is sent in chunks, without a declared length. */
export const chunked = (
  url: string,
  headers: Record<string, string>,
  chunks: Iterable<Buffer>,
): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    request.on('error', reject)
    for (const chunk of chunks) request.write(chunk)
    request.end()
  })

export const eventually = async <T>(
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = 3000,
): Promise<T> => {
  const until = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (performance.now() > until) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
