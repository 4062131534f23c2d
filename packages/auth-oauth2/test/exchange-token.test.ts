import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOAuthClient } from '../src/index.ts'
import { type LocalIssuer, startLocalIssuer } from './local-issuer.ts'

let local: LocalIssuer
const forms: URLSearchParams[] = []
beforeAll(async () => {
  local = await startLocalIssuer()
  local.intercept = (request, response, body) => {
    if (request.url !== '/token') return false
    const form = new URLSearchParams(body)
    forms.push(form)
    response.setHeader('content-type', 'application/json')
    const refused = form.get('subject_token') === 'bad'
    if (refused) response.writeHead(400).end('{"error":"invalid_request","error_description":"no such token"}')
    else response.end('{"access_token":"new","issued_token_type":"urn:x","token_type":"Bearer","expires_in":60}')
    return true
  }
})
afterAll(() => local.stop())

test('a token for another one (RFC 8693)', async () => {
  const client = createOAuthClient({
    endpoints: { token: `${local.issuer}/token` },
    clientId: 'gateway',
    clientSecret: 's',
    resource: 'https://upstream.example/mcp',
  })
  const tokens = await client.exchangeToken({
    subjectToken: 'of-the-user',
    actorToken: 'of-the-gateway',
    scopes: ['read'],
  })
  expect([tokens.accessToken, tokens.resource]).toEqual(['new', 'https://upstream.example/mcp'])
  const type = 'urn:ietf:params:oauth:token-type:access_token'
  expect(Object.fromEntries(forms.at(-1) as URLSearchParams)).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'of-the-user',
    subject_token_type: type,
    actor_token: 'of-the-gateway',
    actor_token_type: type,
    scope: 'read',
    resource: 'https://upstream.example/mcp',
  })
  await expect(client.exchangeToken({ subjectToken: 'bad' })).rejects.toMatchObject({
    code: 'ERR_OAUTH2_DENIED',
    error: 'invalid_request',
  })
  for (const odd of [{}, { subjectToken: '' }, { subjectToken: 'x', audience: 1 }, { subjectToken: 'x', more: 1 }]) {
    await expect(client.exchangeToken(odd as never)).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  }
  client.close()
})

test('without a key of its own a client makes no proofs, and its options are checked', async () => {
  const options = { endpoints: { token: `${local.issuer}/token` }, clientId: 'a' }
  const client = createOAuthClient(options)
  const request = { method: 'GET', url: 'https://a.example/' }
  await expect(client.dpopProof(request)).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  const bound = createOAuthClient({ ...options, dpop: true })
  await expect(bound.dpopProof({ ...request, url: 'x' })).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'PRIVATE' }
  for (const odd of [
    { dpop: 1 },
    { discovered: 'yes' },
    { clientKey: { jwk: {} } },
    { clientKey: { jwk, algorithm: 'RS256' } },
    { clientKey: { jwk } },
    { clientSecret: 's', clientKey: { jwk, algorithm: 'ES256' } },
  ]) {
    const make = () => createOAuthClient({ ...options, ...odd } as never)
    expect(make, JSON.stringify(odd)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
    expect(make).not.toThrow(/PRIVATE/)
  }
  expect(new Set([client.storeKey, createOAuthClient({ ...options, clientId: 'b' }).storeKey]).size).toBe(2)
})
