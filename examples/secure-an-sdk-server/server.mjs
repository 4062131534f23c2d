// Puts either of the two servers behind a guard: `node server.mjs v1` or `node server.mjs v2`.
import { createAuditLog } from '@portcullis/audit'
import { createApiKeys, memoryStore } from '@portcullis/auth-apikey'
import { createPolicy } from '@portcullis/authz'
import { createGuard } from '@portcullis/guard'
import { createRateLimiter } from '@portcullis/ratelimit'
import { serveHttp } from '@portcullis/transport'
import { createValidator } from '@portcullis/validator'
import { server as v1 } from './v1-server.mjs'
import { server as v2 } from './v2-server.mjs'

// Who: one key that may read notes and mail them. fileStore('config/api_keys.json') would keep keys over restarts.
const keys = createApiKeys({ store: memoryStore() })
const { key } = await keys.create({ name: 'reader', grants: ['get_*', 'mail_note'] })

// What: grants say it, rules narrow it down. Mailing is dear, so it has a limit of its own.
const policy = createPolicy({ rules: [{ match: 'mail_note', limit: { requests: 2, windowMs: 60_000 } }] })

// How much: of each key, and of each address that shows no good key.
const limits = [
  { name: 'api_key', limit: 1000, windowMs: 60_000 },
  { name: 'anonymous', limit: 100, windowMs: 60_000 },
  ...policy.limits,
]
const limiter = createRateLimiter({ limits: limits.map((limit) => ({ ...limit, algorithm: 'window' })) })

// No tool of this server takes paths or markup: the strict preset refuses what looks like an attack in any argument.
const validator = createValidator({ preset: 'strict' })
const audit = createAuditLog({ file: 'audit/audit.jsonl' })

// `result`: a refused tool call is a tool result that says why, which a model can read; default is an HTTP error.
const guard = createGuard({ authenticate: { apiKeys: keys }, policy, limiter, validator, audit, refusals: 'result' })
const served = await serveHttp(process.argv[2] === 'v1' ? v1 : v2, { guard, port: Number(process.env.PORT ?? 0) })
console.log(`MCP_URL=${served.url} MCP_API_KEY=${key}`)

const stop = async () => {
  await served.close()
  await guard.close()
  await audit.close()
}
process.once('SIGINT', stop).once('SIGTERM', stop)
