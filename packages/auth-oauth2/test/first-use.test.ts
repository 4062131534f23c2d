import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createTokenVerifier, type TokenVerifierOptions } from '../src/index.ts'
import { type LocalIssuer, makeJwt, resource, startLocalIssuer } from './local-issuer.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 20_000 })

let local: LocalIssuer
const opened: { close(): void }[] = []
beforeAll(async () => {
  local = await startLocalIssuer()
})
afterAll(() => local.stop())
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
  local.intercept = undefined
  local.requests.length = 0
})
const verifierOf = (more: Partial<TokenVerifierOptions> = {}) => {
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer: local.issuer }], ...more })
  opened.push(verifier)
  return verifier
}
const jwt = (nth: number, nowSec: number, lifeSec = 3600) =>
  makeJwt({ payload: local.claims({ jti: `${nth}`, iat: nowSec, exp: nowSec + lifeSec }) })

test('10,000 first uses at once make one fetch of the metadata and one of the keys', async () => {
  const verifier = verifierOf()
  const now = Math.floor(Date.now() / 1000)
  const some = Array.from({ length: 100 }, (_, nth) => jwt(nth, now))
  const results = await Promise.all(
    Array.from({ length: 10_000 }, (_, nth) => verifier.verify(some[nth % 100] as string)),
  )
  expect(results.every(({ ok }) => ok)).toBe(true)
  expect(local.requests).toEqual(['GET /.well-known/oauth-authorization-server', 'GET /jwks'])
})

test('1,000 first uses of an opaque token at once make one question', async () => {
  local.introspect = () => ({ active: true, ...local.claims() })
  const verifier = verifierOf({
    issuers: [{ issuer: local.issuer, mode: 'introspection', clientId: 'gw', clientSecret: 's' }],
  })
  const results = await Promise.all(Array.from({ length: 1000 }, () => verifier.verify('an-opaque-token')))
  expect(new Set(results).size).toBe(1)
  expect(local.requests.filter((one) => one === 'POST /introspect').length).toBe(1)
})

test('an outage of 30 minutes fails nobody: tokens that are known and tokens that are new', async () => {
  const time = { ms: 1_800_000_000_000 }
  const verifier = verifierOf({ clock: () => time.ms })
  const at = () => Math.floor(time.ms / 1000)
  const known = jwt(0, at(), 7200)
  expect((await verifier.verify(known)).ok).toBe(true)
  // As it is refreshed half-way through its age, the outage may begin when it has just not been.
  time.ms += 299_000
  local.intercept = (_request, response) => {
    response.writeHead(503).end()
    return true
  }
  for (let minute = 0; minute < 30; minute++) {
    time.ms += 60_000
    expect((await verifier.verify(known)).ok).toBe(true)
    expect((await verifier.verify(jwt(minute + 1, at()))).ok).toBe(true)
  }
})

test.each([
  ['max-age=120', 60],
  ['public, max-age=7200, must-revalidate', 1800],
  ['no-store', 30],
  ['max-age=1', 30],
  ['s-maxage=5', 300],
  [undefined, 300],
])('Cache-Control: %s makes keys be refreshed after %i s', async (control, refreshSec) => {
  const time = { ms: 1_800_000_000_000 }
  // Its own: what a test before left under way would be counted.
  const issuer = await startLocalIssuer()
  const verifier = verifierOf({
    issuers: [{ issuer: issuer.issuer, endpoints: { jwks: `${issuer.issuer}/jwks` } }],
    clock: () => time.ms,
  })
  issuer.intercept = (request, response) => {
    if (request.url !== '/jwks' || control === undefined) return false
    response.setHeader('cache-control', control)
    return false
  }
  const fetches = () => issuer.requests.filter((one) => one === 'GET /jwks').length
  const iat = time.ms / 1000
  const token = makeJwt({ payload: issuer.claims({ iat, exp: iat + 80_000 }) })
  expect((await verifier.verify(token)).ok).toBe(true)
  time.ms += refreshSec * 1000 - 1
  verifier.verify(token)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(fetches()).toBe(1)
  time.ms += 1
  verifier.verify(token)
  await vi.waitFor(() => expect(fetches()).toBe(2))
  await issuer.stop()
})

test('endpoints on other private hosts are asked only if that is allowed', async () => {
  const elsewhere = local.issuer.replace('127.0.0.1', 'localhost')
  local.intercept = (request, response) => {
    if (!request.url?.startsWith('/.well-known/')) return false
    response.end(JSON.stringify({ issuer: local.issuer, jwks_uri: `${elsewhere}/jwks` }))
    return true
  }
  const token = jwt(0, Math.floor(Date.now() / 1000))
  await expect(verifierOf().verify(token)).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNAVAILABLE',
    cause: { code: 'ERR_OAUTH2_METADATA' },
  })
  const allowed = verifierOf({ issuers: [{ issuer: local.issuer, dangerouslyAllowPrivateAddresses: true }] })
  expect((await allowed.verify(token)).ok).toBe(true)
})
