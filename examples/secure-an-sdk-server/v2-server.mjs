// The same server on the second generation of the SDK: another package, and schemas are objects.
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const notes = new Map([['today', 'Water the plants.']])
const text = (value) => ({ content: [{ type: 'text', text: value }] })
const title = z.object({ title: z.string() })

export const server = new McpServer({ name: 'notes', version: '1.0.0' })
server.registerTool('get_note', { inputSchema: title }, async ({ title }) => text(notes.get(title) ?? 'There is none.'))
server.registerTool('mail_note', { inputSchema: title }, async ({ title }) => text(`Mailed ${title}.`))
server.registerTool('delete_note', { inputSchema: title }, async ({ title }) => text(`${notes.delete(title)}`))
