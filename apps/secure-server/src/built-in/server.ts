import { McpServer } from '@modelcontextprotocol/server'
import { principalOf, revisionOf } from '@portcullis/transport'
import type { EraOptions } from '@portcullis/transport/sdk-v2'
import { z } from 'zod'

export interface BuiltInOptions {
  readonly name: string
  readonly version: string
  /** Milliseconds since the epoch. */
  /** What makes the server one of 2026-07-28. */
  readonly era?: EraOptions
  readonly clock?: () => number
}

const text = (value: string): { content: [{ type: 'text'; text: string }] } => ({
  content: [{ type: 'text', text: value }],
})

const timeIn = (nowMs: number, timezone: string): string | undefined => {
  try {
    const parts = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' })
    return `${parts.format(nowMs)} ${timezone}`
  } catch {
    return undefined
  }
}

/** The tools of the specification, on the official SDK. It knows nothing of keys and limits: all of that is in front of it. */
export const createBuiltInServer = ({ name, version, era = {}, clock = Date.now }: BuiltInOptions): McpServer => {
  const startedAtMs = clock()
  const server = new McpServer({ name, version }, { ...era, capabilities: { tools: {}, resources: {}, prompts: {} } })

  server.registerTool(
    'hello_world',
    {
      description: 'Says hello.',
      inputSchema: z.object({ name: z.string().max(200).optional() }),
      annotations: { readOnlyHint: true },
    },
    async ({ name: who }) => text(`Hello, ${who ?? 'World'}!`),
  )
  server.registerTool(
    'echo',
    {
      description: 'Says what it is told.',
      inputSchema: z.object({ message: z.string() }),
      annotations: { readOnlyHint: true },
    },
    async ({ message }) => text(message),
  )
  server.registerTool(
    'get_time',
    {
      description: 'The time, in UTC or in an IANA time zone such as Europe/Berlin.',
      inputSchema: z.object({ timezone: z.string().max(64).optional() }),
      annotations: { readOnlyHint: true },
    },
    async ({ timezone }) => {
      const nowMs = clock()
      if (timezone === undefined) return text(new Date(nowMs).toISOString())
      const local = timeIn(nowMs, timezone)
      return local === undefined ? { ...text('That is not a time zone.'), isError: true } : text(local)
    },
  )
  server.registerTool(
    'debug_info',
    {
      description: 'What this server is and who it takes you for.',
      inputSchema: z.object({}),
      annotations: { readOnlyHint: true },
    },
    async (_, context) => {
      const { authInfo } = context.http ?? {}
      const principal = principalOf(authInfo)
      return text(
        JSON.stringify({
          server: name,
          version,
          uptimeSec: Math.floor((clock() - startedAtMs) / 1000),
          protocolRevision: revisionOf(authInfo) ?? null,
          principal: principal === undefined ? null : { id: principal.id, grants: principal.grants },
        }),
      )
    },
  )

  // The lists are declared, so they must answer; this server has nothing to put into them.
  server.server.setRequestHandler('resources/list', async () => ({ resources: [] }))
  server.server.setRequestHandler('resources/templates/list', async () => ({ resourceTemplates: [] }))
  server.server.setRequestHandler('prompts/list', async () => ({ prompts: [] }))
  return server
}
