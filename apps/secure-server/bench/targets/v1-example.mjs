// SDK v1 as its stateless example has it: Express, a server and a transport for each request. No security.
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { withEcho } from './echo.mjs'
import { ready } from './ready.mjs'

const app = createMcpExpressApp()
app.post('/mcp', async (request, response) => {
  const server = withEcho(new McpServer({ name: 'bench', version: '1' }))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true })
  response.on('close', () => {
    transport.close()
    server.close()
  })
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
})
const server = app.listen(0, '127.0.0.1', () => ready(server))
