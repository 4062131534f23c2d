// SDK v1 with a session, JSON answers: one server, made once. No security.
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { randomUUID } from 'node:crypto'
import { withEcho } from './echo.mjs'
import { ready } from './ready.mjs'

const app = createMcpExpressApp()
const transports = new Map()
app.post('/mcp', async (request, response) => {
  let transport = transports.get(request.headers['mcp-session-id'])
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => transports.set(id, transport),
    })
    await withEcho(new McpServer({ name: 'bench', version: '1' })).connect(transport)
  }
  await transport.handleRequest(request, response, request.body)
})
const server = app.listen(0, '127.0.0.1', () => ready(server, { session: true }))
