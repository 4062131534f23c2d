// The floor: read the body, parse it, write JSON. No protocol, no security.
import { createServer } from 'node:http'
import { ready } from './ready.mjs'

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString())
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: params.arguments.message }] } }),
    )
  })
})
server.listen(0, '127.0.0.1', () => ready(server))
