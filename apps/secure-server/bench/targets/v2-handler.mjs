// SDK v2's own way to serve HTTP: createMcpHandler behind its node adapter. No security.
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { createServer } from 'node:http'
import { withEcho } from './echo.mjs'
import { ready } from './ready.mjs'

const handler = createMcpHandler(() => withEcho(new McpServer({ name: 'bench', version: '1' })))
const server = createServer(toNodeHandler(handler))
server.listen(0, '127.0.0.1', () => ready(server))
