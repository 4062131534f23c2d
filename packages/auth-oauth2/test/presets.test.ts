import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTokenVerifier, type IssuerOptions, presets, type TokenVerifierOptions } from '../src/index.ts'
import { jwkOf, makeJwt, resource, rsa } from './local-issuer.ts'

const tenantId = '11111111-2222-3333-4444-555555555555'
const keys = { keys: [jwkOf(rsa.publicKey, { kid: 'rsa', use: 'sig' })] }
let asked: string[] = []

/** Answers for every issuer there is, as its documents say. */
const fetch = async (url: string, init: { body?: string }): Promise<Response> => {
  asked.push(url)
  if (url.endsWith('/tokeninfo')) {
    const token = new URLSearchParams(init.body).get('access_token')
    if (token === 'ya29.endless') return Response.json({ azp: 'gid', aud: 'gid', sub: '1', scope: 'email' })
    return token === 'ya29.good'
      ? Response.json({
          azp: 'gid',
          aud: 'gid',
          sub: '1',
          scope: 'openid email',
          exp: String(nowSec + 600),
          expires_in: '600',
        })
      : Response.json({ error: 'invalid_token', error_description: 'Invalid Value' }, { status: 400 })
  }
  if (url.includes('/.well-known/')) {
    const issuer = url
      .replace('/.well-known/openid-configuration', '')
      .replace('/.well-known/oauth-authorization-server', '')
    const named =
      known.find((one) => one.replace(/\/$/, '') === issuer) ??
      known.find((one) => url.includes(new URL(one).pathname) && url.startsWith(new URL(one).origin))
    return named === undefined
      ? new Response(null, { status: 404 })
      : Response.json({ issuer: named, jwks_uri: `${new URL(named).origin}/keys` })
  }
  return Response.json(keys)
}
let known: string[] = []
let nowSec = 0
beforeAll(() => {
  nowSec = Math.floor(Date.now() / 1000)
})
const made: { close(): void }[] = []
afterAll(() => {
  for (const one of made) one.close()
})
const verdict = async (
  preset: IssuerOptions,
  claims: object,
  more: Partial<TokenVerifierOptions> = {},
  typ = 'JWT',
) => {
  asked = []
  known = [preset.issuer]
  const verifier = createTokenVerifier({ resource, issuers: [preset], fetch, ...more })
  made.push(verifier)
  const payload = { iss: preset.issuer, iat: nowSec, exp: nowSec + 600, ...claims }
  const result = await verifier.verify(makeJwt({ key: rsa.privateKey, header: { typ }, payload }))
  return result.ok ? result.principal : result.reason
}

test('Entra, version 2: the client id is the audience, scopes are in scp, application permissions in roles', async () => {
  const preset = presets.entra({ tenantId, clientId: 'api-client' })
  expect(preset.issuer).toBe(`https://login.microsoftonline.com/${tenantId}/v2.0`)
  const token = { aud: 'api-client', sub: 'pairwise', azp: 'app', oid: 'x', tid: tenantId, ver: '2.0' }
  expect(await verdict(preset, { ...token, scp: 'mcp:tool:a mcp:tool:b' })).toMatchObject({
    grants: ['tool:a', 'tool:b'],
  })
  expect(await verdict(preset, { ...token, roles: ['mcp:tool:c'] })).toMatchObject({ grants: ['tool:c'] })
  expect(await verdict(preset, { ...token, scp: 'mcp:tool:a', aud: resource })).toBe('audience')
  // An ID token of the code flow for the same registration.
  expect(await verdict(preset, { aud: 'api-client', sub: 's', roles: ['mcp:tool:*'], ver: '2.0' })).toBe('claims')
  expect(await verdict(preset, { ...token, scp: 'mcp:tool:a', iss: preset.issuer.replace('1', '2') })).toBe('issuer')
})

test('Entra, version 1: another issuer, and keys where its documents say', async () => {
  const preset = presets.entra({ tenantId, clientId: 'c', version: 1 })
  const token = { aud: 'api://c', sub: 's', appid: 'app', ver: '1.0', scp: 'mcp:tool:a' }
  expect(await verdict(preset, token)).toMatchObject({ claims: { clientId: 'app' } })
  expect(asked).toEqual([`https://login.microsoftonline.com/${tenantId}/discovery/keys`])
})

test('Auth0: the userinfo endpoint beside the resource, permissions beside scope', async () => {
  const preset = presets.auth0({ domain: 'tenant.eu.auth0.com' })
  const token = { sub: 'auth0|1', azp: 'app', scope: 'openid mcp:tool:a', permissions: ['mcp:tool:b'] }
  const userinfo = 'https://tenant.eu.auth0.com/userinfo'
  expect(await verdict(preset, { ...token, aud: [resource, userinfo] })).toMatchObject({ grants: ['tool:a', 'tool:b'] })
  expect(await verdict(preset, { ...token, aud: [resource, 'https://other.example'] })).toBe('audience')
  expect(await verdict(preset, { ...token, aud: userinfo })).toBe('audience')
})

test('Okta: scp is an array, the client is cid, and there is no typ', async () => {
  const preset = presets.okta({ domain: 'org.okta.com' })
  expect(preset.issuer).toBe('https://org.okta.com/oauth2/default')
  const token = { aud: 'api://default', sub: 'a@example.com', cid: '0oa1', uid: '00u1', scp: ['mcp:tool:a'] }
  expect(await verdict(preset, token)).toMatchObject({ claims: { clientId: '0oa1' }, grants: ['tool:a'] })
  expect(await verdict(preset, { ...token, aud: ['api://default', 'x'] })).toBe('audience')
})

test('Keycloak: account beside the resource, and tokens of other kinds are told by their typ', async () => {
  const preset = presets.keycloak({ url: 'https://id.example/', realm: 'main' })
  expect(preset.issuer).toBe('https://id.example/realms/main')
  const token = { sub: 's', azp: 'app', typ: 'Bearer', scope: 'email mcp:tool:a' }
  expect(await verdict(preset, { ...token, aud: [resource, 'account'] })).toMatchObject({ grants: ['tool:a'] })
  expect(await verdict(preset, { ...token, aud: ['account'] })).toBe('audience')
  expect(await verdict(preset, { ...token, aud: resource, typ: 'ID' })).toBe('type')
})

test('Cognito: no audience but a client that is known, and scopes behind the resource server', async () => {
  const preset = presets.cognito({
    region: 'eu-central-1',
    userPoolId: 'eu-central-1_Ab',
    clients: ['app'],
    resourceServer: 'mcp',
  })
  expect(preset.issuer).toBe('https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab')
  const token = { sub: 's', client_id: 'app', token_use: 'access', scope: 'mcp/mcp:tool:a other/mcp:tool:b mcp:tool:c' }
  expect(await verdict(preset, token)).toMatchObject({ grants: ['tool:a'] })
  expect(await verdict(preset, { ...token, client_id: 'other' })).toBe('client')
  expect(await verdict(preset, { ...token, client_id: undefined })).toBe('client')
  expect(await verdict(preset, { ...token, token_use: 'id' })).toBe('type')
  expect(await verdict(preset, { ...token, aud: 'https://other.example' })).toBe('audience')
  expect(await verdict(preset, { ...token, aud: resource })).toMatchObject({ grants: ['tool:a'] })
})

test('Google: opaque tokens, asked about without credentials, and what its scopes permit', async () => {
  const implies = { email: ['mcp:tool:mail'] }
  const verifier = createTokenVerifier({ resource, issuers: [presets.google({ clients: ['gid'] })], implies, fetch })
  const other = createTokenVerifier({ resource, issuers: [presets.google({ clients: ['other'] })], implies, fetch })
  made.push(verifier, other)
  asked = []
  expect(await verifier.verify('ya29.good')).toMatchObject({ ok: true, principal: { grants: ['tool:mail'] } })
  expect(await verifier.verify('ya29.bad')).toEqual({ ok: false, reason: 'inactive' })
  expect(await verifier.verify('opaque')).toEqual({ ok: false, reason: 'unsupported' })
  expect(await verifier.verify('ya29.endless')).toEqual({ ok: false, reason: 'inactive' })
  expect(await other.verify('ya29.good')).toEqual({ ok: false, reason: 'audience' })
  expect(asked).toEqual(Array(4).fill('https://oauth2.googleapis.com/tokeninfo'))
})

test('what is put into an issuer must look like it', () => {
  const odd = [
    () => presets.entra({ tenantId: 'common', clientId: 'c' }),
    () => presets.auth0({ domain: 'tenant.auth0.com/../evil' }),
    () => presets.okta({ domain: 'org.okta.com', authorizationServerId: 'a/b' }),
    () => presets.cognito({ region: 'eu', userPoolId: 'x', clients: [], resourceServer: 'x' }),
    () => presets.keycloak({ url: 'https://id.example', realm: 'a/b' }),
  ]
  for (const make of odd) expect(make).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
})
