// The same fixture behind the front and the guard as the program wires them, with its defaults: `guarded.mjs key`, or
// `guarded.mjs oauth2 ISSUER`, which waits for a token of that issuer to be presented.
import { createAuditLog } from '@portcullis/audit'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { createTokenVerifier, protectedResourceMetadata } from '@portcullis/auth-oauth2'
import { createPolicy } from '@portcullis/authz'
import { createGuard } from '@portcullis/guard'
import { createRateLimiter } from '@portcullis/ratelimit'
import { deriveKey, serveHttp } from '@portcullis/transport'
import { bothEras } from '@portcullis/transport/sdk-v2'
import { createAddressList, createValidator } from '@portcullis/validator'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFixture } from './fixture.mjs'

const [mode, issuer] = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'portcullis-conformance-'))
const fixture = createFixture()
const masterKey = randomBytes(32)
const minute = 60_000
const scopes = ['mcp:server:access']
const keys = createApiKeys({ store: fileStore(join(dir, 'api_keys.json')) })
/** Which URL tokens are for, is known when there is a port. */
let verifier

const guard = createGuard({
  authenticate:
    mode === 'oauth2' ? { oauth2: { verify: (text, context) => verifier.verify(text, context) } } : { apiKeys: keys },
  policy: createPolicy(),
  limiter: createRateLimiter({
    limits: [
      { name: 'anonymous', algorithm: 'window', limit: 100, windowMs: minute },
      { name: 'api_key', algorithm: 'window', limit: 1000, windowMs: minute },
      { name: 'oauth2', algorithm: 'window', limit: 500, windowMs: minute },
    ],
  }),
  validator: createValidator({ preset: 'standard' }),
  addresses: createAddressList([]),
  audit: await createAuditLog({ file: join(dir, 'audit.jsonl'), key: deriveKey(masterKey, 'audit') }),
})
const served = await serveHttp(
  bothEras((era) => fixture.make(era)),
  {
    guard,
    port: 0,
    masterKeys: [masterKey],
    log: (level, event, fields) => console.error(level, event, fields),
    ...(mode === 'oauth2'
      ? {
          protectedResource: {
            scopes,
            document: (resource) =>
              protectedResourceMetadata({ resource, authorizationServers: [issuer], scopes }).document,
          },
        }
      : {}),
  },
)
if (mode === 'oauth2') {
  const resource = served.url
  verifier = createTokenVerifier({ resource, issuers: [{ issuer }] })
  process.send({ url: served.url, resource })
} else {
  const { key } = await keys.create({ name: 'conformance', grants: ['*'] })
  process.send({ url: served.url, headers: { 'x-api-key': key } })
}
process.on('disconnect', () => {
  rmSync(dir, { recursive: true, force: true })
  process.exit()
})
