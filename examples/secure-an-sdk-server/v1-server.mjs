// A server as you may have it, on the first generation of the official SDK. It knows nothing of keys and callers.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

const notes = new Map([['today', 'Water the plants.']])
const text = (value) => ({ content: [{ type: 'text', text: value }] })
const title = { title: z.string() }

export const server = new McpServer({ name: 'notes', version: '1.0.0' })
server.registerTool('get_note', { inputSchema: title }, async ({ title }) => text(notes.get(title) ?? 'There is none.'))
server.registerTool('mail_note', { inputSchema: title }, async ({ title }) => text(`Mailed ${title}.`))
server.registerTool('delete_note', { inputSchema: title }, async ({ title }) => text(`${notes.delete(title)}`))
