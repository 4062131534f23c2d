import { OAuthError, verifyBearerToken } from '@modelcontextprotocol/server'
import * as v1 from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import express from 'express'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTokenVerifier, sdkVerifier, type SdkErrors, type TokenVerifier } from '../src/index.ts'
import { type LocalIssuer, makeJwt, resource, startLocalIssuer } from './local-issuer.ts'

let local: LocalIssuer
let verifier: TokenVerifier
beforeAll(async () => {
  local = await startLocalIssuer()
  verifier = createTokenVerifier({
    resource,
    issuers: [
      { issuer: local.issuer },
      { issuer: 'https://down.example', endpoints: { jwks: 'http://127.0.0.1:1/jwks' } },
    ],
  })
})
afterAll(async () => {
  verifier.close()
  await local.stop()
})
const token = (more: Record<string, unknown> = {}) => makeJwt({ payload: local.claims(more) })

/** Status and challenge of a request with this token. */
type Ask = (token: string, expectedResource?: string) => Promise<{ status: number; challenge: string; auth?: unknown }>

const askV1: Ask = async (text, expectedResource) => {
  const app = express()
  const own = sdkVerifier(verifier, v1, { resource })
  app.use(
    requireBearerAuth({ verifier: own, ...(expectedResource ? { expectedResource: new URL(expectedResource) } : {}) }),
  )
  app.get('/', (request, response) => void response.json((request as { auth?: unknown }).auth))
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const response = await fetch(url, { headers: { authorization: `Bearer ${text}` } })
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate') ?? '',
      auth: await response.json(),
    }
  } finally {
    server.close()
    server.closeAllConnections()
  }
}
const askV2: Ask = async (text, expectedResource) => {
  const own = sdkVerifier(verifier, { OAuthError } as SdkErrors, { resource })
  try {
    const options = { verifier: own, ...(expectedResource ? { expectedResource: new URL(expectedResource) } : {}) }
    const auth: unknown = JSON.parse(JSON.stringify(await verifyBearerToken(`Bearer ${text}`, options)))
    return { status: 200, challenge: '', auth }
  } catch (error) {
    const { bearerAuthChallengeResponse } = await import('@modelcontextprotocol/server')
    const response = bearerAuthChallengeResponse(error as Error)
    return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' }
  }
}

describe.each([
  ['v1', askV1],
  ['v2', askV2],
])('behind the bearer middleware of SDK %s', (_name, ask) => {
  test('a good token', async () => {
    const { status, auth } = await ask(token(), resource)
    expect(status).toBe(200)
    expect(auth).toMatchObject({
      clientId: 'app',
      scopes: ['mcp:server:access', 'mcp:tool:get_time'],
      resource,
      extra: { principal: { method: 'oauth2', claims: { subject: 'alice' } } },
    })
  })

  test.each([
    ['expired', { exp: 1000 }],
    ['of another issuer', { iss: 'https://x.example' }],
    ['for another resource', { aud: 'https://x.example' }],
    ['bound to a key', { cnf: { jkt: 'A'.repeat(43) } }],
  ])('a token %s is 401, in the same words as any other', async (_what, claims) => {
    const { status, challenge } = await ask(token(claims))
    expect([status, challenge]).toEqual([401, expect.stringContaining('error="invalid_token"')])
    expect(challenge).toContain('The access token is not valid.')
  })

  test('a token that may not connect is 403', async () => {
    const { status, challenge } = await ask(token({ scope: 'mail' }))
    expect([status, challenge]).toEqual([403, expect.stringContaining('insufficient_scope')])
  })

  test('an authorization server that is down is 500, never 401', async () => {
    expect((await ask(token({ iss: 'https://down.example' }))).status).toBe(500)
  })
})

test('without the error classes of an SDK nothing is made', () => {
  expect(() => sdkVerifier(verifier, {} as never)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
})

test('a fault of its own is no answer about a token', async () => {
  const broken = { verify: () => Promise.reject(new TypeError('a fault')) }
  await expect(sdkVerifier(broken, v1).verifyAccessToken('x')).rejects.toThrow(TypeError)
})
