// A client as any other: it takes where to go and its key from the environment, never from the command line.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const { MCP_URL, MCP_API_KEY } = process.env
const headers = MCP_API_KEY ? { 'X-API-Key': MCP_API_KEY } : {}
const client = new Client({ name: 'example', version: '1.0.0' })

const call = async (name, title) => {
  const { content, isError } = await client.callTool({ name, arguments: { title } })
  console.log(`${name} ${title} is ${isError ? 'refused' : 'answered'}: ${content[0].text}`)
}

try {
  await client.connect(new StreamableHTTPClientTransport(new URL(MCP_URL), { requestInit: { headers } }))
} catch (error) {
  console.log(`not let in: ${error.message}`)
  process.exit(1)
}
const { tools } = await client.listTools()
console.log(`tools: ${tools.map(({ name }) => name).join(', ')}`)
await call('get_note', 'today')
await call('delete_note', 'today')
await call('get_note', '../../etc/passwd')
for (const title of ['one', 'two', 'three']) await call('mail_note', title)
await client.close()
