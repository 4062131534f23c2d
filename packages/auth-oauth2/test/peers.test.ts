import { readFileSync } from 'node:fs'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { auth } from 'express-oauth2-jwt-bearer'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Attack, badKeys, tokenOf } from './attack-tokens.ts'
import type { Lookup } from './attack-values.ts'
import { type LocalIssuer, resource, startLocalIssuer } from './local-issuer.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 })

/** The attacks that every verifier of JWTs can be asked about: those that need no setting or list of ours. */
const { cases } = JSON.parse(readFileSync(new URL('attacks.json', import.meta.url), 'utf8')) as { cases: Attack[] }
const common = cases.filter(
  ({ kind, reason, verifier }) =>
    kind === 'jwt' && verifier === undefined && !['revoked', 'insufficient_scope'].includes(reason),
)

let local: LocalIssuer
beforeAll(async () => {
  local = await startLocalIssuer()
  local.keys = [...local.keys, ...badKeys]
  const { intercept } = local
  local.intercept = (request, response, body) => {
    if (request.url !== '/.well-known/openid-configuration') return intercept?.(request, response, body) ?? false
    const document = {
      issuer: local.issuer,
      jwks_uri: `${local.issuer}/jwks`,
      id_token_signing_alg_values_supported: ['ES256', 'RS256', 'EdDSA'],
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
    return true
  }
})
afterAll(() => local.stop())

type Peer = (token: string) => Promise<boolean>

const passes = (
  middleware: (request: never, response: never, next: (error?: unknown) => void) => unknown,
  token: string,
) =>
  new Promise<boolean>((resolve) => {
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, host: 'mcp.example' }
    const where = { method: 'POST', protocol: 'https', originalUrl: '/mcp', query: {} }
    const request = { ...where, headers, is: () => false, get: (name: string) => headers[name.toLowerCase()] }
    const response = { status: () => response, set: () => response, json: () => resolve(false) }
    const next = (error?: unknown): void => resolve(error === undefined)
    Promise.resolve(middleware(request as never, response as never, next)).catch(() => resolve(false))
  })

/** As their documentation shows them. */
const peers: Readonly<Record<string, () => Peer>> = {
  'SDK requireBearerAuth with jose': () => {
    const keys = createRemoteJWKSet(new URL(`${local.issuer}/jwks`))
    const verifyAccessToken = async (token: string) => {
      const { payload } = await jwtVerify(token, keys, { issuer: local.issuer, audience: resource }).catch(() => {
        throw new InvalidTokenError('invalid')
      })
      const scopes = String(payload['scope']).split(' ')
      return { token, clientId: String(payload['client_id']), scopes, expiresAt: payload.exp as number }
    }
    const middleware = requireBearerAuth({ verifier: { verifyAccessToken } })
    return (token) => passes(middleware as never, token)
  },
  'express-oauth2-jwt-bearer': () => {
    const middleware = auth({ issuerBaseURL: local.issuer, audience: resource })
    return (token) => passes(middleware as never, token)
  },
  'express-oauth2-jwt-bearer, strict': () => {
    const middleware = auth({ issuerBaseURL: local.issuer, audience: resource, strict: true })
    return (token) => passes(middleware as never, token)
  },
}

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test.each(Object.keys(peers))('what %s lets in stands in the README', async (name) => {
  const peer = (peers[name] as () => Peer)()
  const now = Math.floor(Date.now() / 1000)
  const lookup: Lookup = {
    $now: now,
    $in600: now + 600,
    $issuer: local.issuer,
    $ISSUER: local.issuer.toUpperCase(),
    $resource: resource,
    $RESOURCE: resource.toUpperCase(),
    '$own jkt': 'A'.repeat(43),
    '$loose jkt': `${'A'.repeat(42)}B`,
    '$many audiences': [...Array.from({ length: 100 }, (_, nth) => `https://${nth}.example`), resource],
  }
  expect(await peer(tokenOf({} as Attack, local.claims(), lookup))).toBe(true)
  const accepted: string[] = []
  for (const attack of common) {
    if (await peer(tokenOf(attack, local.claims(), lookup)).catch(() => false)) accepted.push(attack.name)
  }
  const row = `| ${name} | ${accepted.length} of ${common.length} |`
  if (!readme.includes(row)) console.log(row, accepted)
  expect(readme).toContain(row)
})
