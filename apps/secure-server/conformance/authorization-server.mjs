// A real authorization server (oidc-provider) for the suites: says who it is, and answers each resource with a token for it. It is
// TypeScript that Node 22 runs as it stands.
import { startAuthorizationServer } from '../../../packages/auth-oauth2/test/authorization-server.ts'

const resources = []
const scopes = ['mcp:server:*', 'mcp:tool:*', 'mcp:resource:*', 'mcp:prompt:*']
const server = await startAuthorizationServer({ resources, scopes, accessTokenTtlSec: 3600 })

process.on('message', async ({ resource }) => {
  resources.push(resource)
  process.send({ token: await server.token(scopes, resource) })
})
process.on('disconnect', () => process.exit())
process.send({ issuer: server.issuer })
