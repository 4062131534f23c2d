// A server whose callers come through an internal gateway, which has authenticated them and says who they are in a header.
import { McpServer } from '@modelcontextprotocol/server'
import { createPolicy } from '@portcullis/authz'
import { createGuard } from '@portcullis/guard'
import { principalOf, serveHttp } from '@portcullis/transport'

const grants = { ada: ['*'], ben: ['whoami'] }

/** The caller as the gateway names it. A name that is repeated, made up or not known is nobody: 401. */
const authenticate = ({ header }) => {
  const user = header?.('x-gateway-user')
  if (user === undefined || !Object.hasOwn(grants, user)) return undefined
  return { id: `gateway:${user}`, method: 'custom', grants: grants[user], authenticatedAtMs: Date.now() }
}

const text = (value) => ({ content: [{ type: 'text', text: value }] })
const server = new McpServer({ name: 'internal', version: '1.0.0' })
server.registerTool('whoami', {}, async (context) => {
  // Something slow, so that callers overlap; who is calling stays with the call.
  await new Promise((resolve) => setTimeout(resolve, 5))
  return text(principalOf(context.http?.authInfo)?.id ?? 'nobody')
})
server.registerTool('restart', {}, async () => text('Restarted.'))

const guard = createGuard({ authenticate: { custom: authenticate }, policy: createPolicy() })

// Whoever reaches this port can say to be anybody: only the gateway may, and it must drop the header that clients send.
export const served = await serveHttp(server, { guard, port: Number(process.env.PORT ?? 0), host: '127.0.0.1' })
console.log(served.url)
