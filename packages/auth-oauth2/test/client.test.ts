import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createOAuthClient, type OAuthClientOptions } from '../src/index.ts'
import { createTokenSet } from '../src/client/token-set.ts'
import { type LocalIssuer, startLocalIssuer } from './local-issuer.ts'

let local: LocalIssuer
const time = { ms: 1_800_000_000_000 }
const forms: URLSearchParams[] = []
let answer: (form: URLSearchParams) => { status?: number; body: unknown; headers?: Record<string, string> }
let documented: Record<string, unknown>
const opened: { close(): void }[] = []

beforeAll(async () => {
  local = await startLocalIssuer()
})
afterAll(() => local.stop())
afterEach(() => {
  for (const client of opened.splice(0)) client.close()
})

const setup = (more: Partial<OAuthClientOptions> = {}, metadata: Record<string, unknown> = {}) => {
  time.ms = 1_800_000_000_000
  forms.length = 0
  local.requests.length = 0
  answer = () => ({ body: { access_token: `at-${forms.length}`, token_type: 'Bearer', expires_in: 600 } })
  documented = {
    issuer: local.issuer,
    authorization_endpoint: `${local.issuer}/authorize?tenant=a`,
    token_endpoint: `${local.issuer}/token`,
    revocation_endpoint: `${local.issuer}/revoke`,
    code_challenge_methods_supported: ['S256'],
    ...metadata,
  }
  local.intercept = (request, response, body) => {
    if (request.url?.startsWith('/.well-known/')) {
      response.end(JSON.stringify(documented))
      return true
    }
    const form = new URLSearchParams(body)
    if (request.headers.authorization !== undefined) form.set('(authorization)', request.headers.authorization)
    forms.push(form)
    const { status = 200, body: content, headers = {} } = answer(form)
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof content === 'string' ? content : JSON.stringify(content))
    return true
  }
  const client = createOAuthClient({
    issuer: local.issuer,
    clientId: 'app',
    clientSecret: 'top secret',
    redirectUri: 'https://app.example/callback',
    resource: 'https://mcp.example/mcp',
    scopes: ['mcp:server:access'],
    clock: () => time.ms,
    ...more,
  })
  opened.push(client)
  return client
}
const callbackOf = (state: string, code = 'the-code'): URLSearchParams => new URLSearchParams({ state, code })

test('the authorization URL has all that the standards ask for, and nothing twice', async () => {
  const client = setup()
  const { url, ...pending } = await client.authorizationUrl()
  const { origin, pathname, searchParams } = new URL(url)
  expect(`${origin}${pathname}`).toBe(`${local.issuer}/authorize`)
  expect(Object.fromEntries(searchParams)).toEqual({
    tenant: 'a',
    response_type: 'code',
    client_id: 'app',
    redirect_uri: 'https://app.example/callback',
    scope: 'mcp:server:access',
    state: pending.state,
    code_challenge: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    code_challenge_method: 'S256',
    resource: 'https://mcp.example/mcp',
  })
  expect(url).not.toContain(pending.codeVerifier)
  const again = await client.authorizationUrl()
  expect(again.state).not.toBe(pending.state)
  expect(again.codeVerifier).not.toBe(pending.codeVerifier)
  expect(local.requests).toHaveLength(1)
})

test('a state of your own, other scopes and another resource, which the token request then names too', async () => {
  const client = setup()
  const state = 'x'.repeat(16)
  const pending = await client.authorizationUrl({ state, scopes: ['a', 'b'], resource: 'https://other.example' })
  expect(pending).toMatchObject({ state, resource: 'https://other.example' })
  await client.exchangeCode(callbackOf(state), pending)
  expect(forms[0]?.get('resource')).toBe('https://other.example')
  for (const wrong of ['x'.repeat(15), 'x'.repeat(1025), 7]) {
    await expect(client.authorizationUrl({ state: wrong as string })).rejects.toMatchObject({
      code: 'ERR_OAUTH2_OPTIONS',
    })
  }
  await expect(client.authorizationUrl({ scopes: ['a b'] })).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
})

test('a server that does not say S256 is refused', async () => {
  for (const methods of [undefined, [], ['plain'], 'S256', ['s256']]) {
    const client = setup({}, { code_challenge_methods_supported: methods })
    await expect(client.authorizationUrl()).rejects.toMatchObject({ code: 'ERR_OAUTH2_UNSUPPORTED', fault: 'invalid' })
  }
})

test('a foreign state, a foreign issuer and a denial redeem nothing', async () => {
  const client = setup({}, { authorization_response_iss_parameter_supported: true })
  const pending = await client.authorizationUrl()
  const { state } = pending
  const attempts: [Record<string, string>, string][] = [
    [{ state: 'another', code: 'c', iss: local.issuer }, 'ERR_OAUTH2_STATE'],
    [{ state, code: 'c' }, 'ERR_OAUTH2_ISSUER'],
    [{ state, code: 'c', iss: 'https://evil.example' }, 'ERR_OAUTH2_ISSUER'],
    [{ state, iss: local.issuer, error: 'access_denied' }, 'ERR_OAUTH2_DENIED'],
  ]
  for (const [parameters, code] of attempts) {
    await expect(client.exchangeCode(new URLSearchParams(parameters), pending)).rejects.toMatchObject({ code })
  }
  await expect(client.exchangeCode(callbackOf(''), { ...pending, state: '' })).rejects.toMatchObject({
    code: 'ERR_OAUTH2_OPTIONS',
  })
  expect(forms).toEqual([])
})

test('a code is redeemed once, however often its callback comes, until the tokens expire', async () => {
  const client = setup()
  const pending = await client.authorizationUrl()
  const callback = callbackOf(pending.state)
  const [one, same] = await Promise.all([
    client.exchangeCode(callback, pending),
    client.exchangeCode(callback, pending),
  ])
  expect(one).toBe(same)
  expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
    grant_type: 'authorization_code',
    code: 'the-code',
    code_verifier: pending.codeVerifier,
    redirect_uri: 'https://app.example/callback',
    resource: 'https://mcp.example/mcp',
    '(authorization)': `Basic ${Buffer.from('app:top+secret').toString('base64')}`,
  })
  time.ms += 599_999
  expect(await client.exchangeCode(callback, pending)).toBe(one)
  expect(forms).toHaveLength(1)
  time.ms += 1
  answer = () => ({ status: 400, body: { error: 'invalid_grant' } })
  await expect(client.exchangeCode(callback, pending)).rejects.toMatchObject({
    code: 'ERR_OAUTH2_DENIED',
    error: 'invalid_grant',
  })
})

test('client credentials: one request at once for each set of scopes, again shortly before the end', async () => {
  const client = setup()
  const [one, same, other] = await Promise.all([
    client.clientCredentials({ scopes: ['a', 'b'] }),
    client.clientCredentials({ scopes: ['b', 'a', 'a'] }),
    client.clientCredentials(),
  ])
  expect(one).toBe(same)
  expect(other).not.toBe(one)
  expect(forms.map((form) => [form.get('scope'), form.get('resource')])).toEqual([
    ['a b', 'https://mcp.example/mcp'],
    ['mcp:server:access', 'https://mcp.example/mcp'],
  ])
  time.ms += 569_999
  expect(await client.clientCredentials()).toBe(other)
  time.ms += 1
  expect(await client.clientCredentials()).not.toBe(other)
  answer = () => ({ body: { access_token: 'x', token_type: 'bearer', scope: 'c' } })
  const endless = await client.clientCredentials({ scopes: ['c'] })
  expect(endless).toEqual({ tokenType: 'bearer', scopes: ['c'], resource: 'https://mcp.example/mcp' })
  expect(await client.clientCredentials({ scopes: ['c'] })).not.toBe(endless)
})

test('a failure is not kept', async () => {
  const client = setup()
  answer = () => ({ status: 503, body: '' })
  await expect(client.clientCredentials()).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNAVAILABLE',
    fault: 'unavailable',
  })
  answer = () => ({ body: { access_token: 'x', token_type: 'bearer', expires_in: 60 } })
  expect((await client.clientCredentials()).accessToken).toBe('x')
})

test('a refresh keeps the old refresh token and scopes where no new ones come', async () => {
  const client = setup()
  const first = await client.refresh('rt-0')
  expect([first.refreshToken, first.scopes]).toEqual(['rt-0', ['mcp:server:access']])
  answer = () => ({ body: { access_token: 'x', token_type: 'bearer', refresh_token: 'rt-1', scope: 'a  b' } })
  expect((await client.refresh('rt-0')).accessToken).toBe('at-1')
  time.ms += 10_000
  const second = await client.refresh(first)
  expect([second.refreshToken, second.scopes]).toEqual(['rt-1', ['a', 'b']])
  expect(forms).toHaveLength(2)
  for (const nothing of ['', undefined, { accessToken: 'x' }]) {
    await expect(client.refresh(nothing as string)).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  }
})

test('answers that make no sense are the server’s fault, and no message repeats a token', async () => {
  const client = setup()
  for (const [status, body, headers] of [
    [200, 'not json', {}],
    [200, '{"access_token":"SECRET"}', {}],
    [200, '{"access_token":"SECRET","token_type":"mac"}', {}],
    [200, '{"access_token":"SECRET","token_type":"dpop"}', {}],
    [200, '{"access_token":"SECRET","token_type":"bearer","expires_in":"x"}', {}],
    [302, '', { location: 'https://evil.example' }],
    [404, '{}', {}],
    [200, `{"access_token":"SECRET","x":"${'x'.repeat(1_048_576)}"}`, {}],
  ] as const) {
    answer = () => ({ status, body, headers })
    const error = await client.refresh('SECRET').catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'ERR_OAUTH2_RESPONSE', fault: 'unavailable' })
    expect(`${(error as Error).stack}${JSON.stringify(error)}`).not.toContain('SECRET')
  }
  expect(local.requests.every((request) => !request.includes('evil'))).toBe(true)
})

test('a wrong client is denied, whichever way it is told', async () => {
  const client = setup()
  answer = () => ({
    status: 401,
    body: { error: 'invalid_client' },
    headers: { 'www-authenticate': 'Basic realm="x"' },
  })
  await expect(client.clientCredentials()).rejects.toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'invalid_client' })
  answer = () => ({ status: 401, body: { error: 'invalid_client' } })
  await expect(client.clientCredentials()).rejects.toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'invalid_client' })
})

test('how the secret is sent: as told, else as the server allows', async () => {
  const methods = { token_endpoint_auth_methods_supported: ['client_secret_post'] }
  await setup({}, methods).clientCredentials()
  expect([forms[0]?.get('client_secret'), forms[0]?.has('(authorization)')]).toEqual(['top secret', false])
  await setup({ clientAuth: 'basic' }, methods).clientCredentials()
  expect(forms[0]?.has('(authorization)')).toBe(true)
  const { clientSecret: _secret, ...open } = { clientSecret: '' }
  const anonymous = createOAuthClient({ ...open, issuer: local.issuer, clientId: 'app' })
  await anonymous.refresh('rt')
  expect([forms.at(-1)?.get('client_id'), forms.at(-1)?.has('client_secret')]).toEqual(['app', false])
  await expect(anonymous.clientCredentials()).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  await expect(anonymous.authorizationUrl()).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  anonymous.close()
})

test('metadata of another issuer is told as a mistake, a server that is down as an outage', async () => {
  await expect(setup({}, { issuer: 'https://evil.example' }).clientCredentials()).rejects.toMatchObject({
    code: 'ERR_OAUTH2_METADATA',
    fault: 'invalid',
  })
  await expect(setup({}, { token_endpoint: 'http://evil.example/token' }).clientCredentials()).rejects.toMatchObject({
    code: 'ERR_OAUTH2_METADATA',
  })
  await expect(setup({}, { token_endpoint: undefined }).clientCredentials()).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNSUPPORTED',
  })
  const gone = await startLocalIssuer()
  await gone.stop()
  await expect(setup({ issuer: gone.issuer }).clientCredentials()).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNAVAILABLE',
  })
})

test('revocation: the refresh token of a set, the caches forget it, a failure is told', async () => {
  const client = setup()
  const tokens = await client.clientCredentials()
  answer = () => ({ body: '' })
  await client.revoke(tokens)
  expect([forms.at(-1)?.get('token'), local.requests.at(-1)]).toEqual(['at-1', 'POST /revoke'])
  answer = () => ({ body: { access_token: 'another', token_type: 'bearer', expires_in: 600 } })
  expect((await client.clientCredentials()).accessToken).toBe('another')
  const set = await (async () => {
    answer = () => ({ body: { access_token: 'a', token_type: 'bearer', refresh_token: 'r' } })
    return client.refresh('old')
  })()
  await client.revoke(set)
  expect(forms.at(-1)?.get('token')).toBe('r')
  answer = () => ({ status: 503, body: '' })
  await expect(client.revoke('x')).rejects.toMatchObject({ code: 'ERR_OAUTH2_UNAVAILABLE' })
  await expect(client.revoke('')).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
})

test('options that make no sense', () => {
  const good = { issuer: 'https://id.example', clientId: 'app' }
  const { issuer: _issuer, ...homeless } = good
  for (const options of [
    undefined,
    homeless,
    { ...homeless, endpoints: { jwks: 'https://id.example/jwks' } },
    { ...good, clientId: '' },
    { ...good, clientSecret: '' },
    { ...good, clientAuth: 'jwt' },
    { ...good, redirectUri: '/callback' },
    { ...good, redirectUri: 'https://app.example/#x' },
    { ...good, resource: 'http://mcp.example' },
    { ...good, scopes: ['a b'] },
    { ...good, timeoutMs: 1 },
    { ...good, issuer: 'http://id.example' },
    { ...good, scope: 'a' },
  ]) {
    expect(() => createOAuthClient(options as OAuthClientOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }),
    )
  }
})

test('endpoints on other private hosts are asked only if that is allowed', async () => {
  const token_endpoint = `${local.issuer.replace('127.0.0.1', 'localhost')}/token`
  const refused = setup({}, { token_endpoint })
  await expect(refused.clientCredentials()).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  expect(forms).toEqual([])
  const allowed = setup({ dangerouslyAllowPrivateAddresses: true }, { token_endpoint })
  expect((await allowed.clientCredentials()).accessToken).toBe('at-1')
  // Named by whoever made the client, it is asked without further ado.
  const named = setup({ endpoints: { token: token_endpoint } })
  expect((await named.clientCredentials()).accessToken).toBe('at-1')
})

test('a code is redeemed once, also where the server does not tell when the token ends', async () => {
  const client = setup()
  answer = () => ({ body: { access_token: `at-${forms.length}`, token_type: 'Bearer' } })
  const pending = await client.authorizationUrl()
  for (let nth = 0; nth < 2; nth++) {
    expect((await client.exchangeCode(callbackOf(pending.state), pending)).accessToken).toBe('at-1')
    time.ms += 60_000
  }
})

test('a refresh is for one resource, and scopes are those that were asked for where the server does not tell', async () => {
  const client = setup()
  answer = (form) => ({ body: { access_token: `for ${form.get('resource')}`, token_type: 'Bearer', expires_in: 60 } })
  const of = (resource: string) =>
    createTokenSet({ accessToken: 'x', refreshToken: 'rt', tokenType: 'bearer', scopes: [], resource })
  const [a, b] = await Promise.all([client.refresh(of('https://a.example')), client.refresh(of('https://b.example'))])
  expect([a.accessToken, b.accessToken]).toEqual(['for https://a.example', 'for https://b.example'])
  const pending = await client.authorizationUrl({ scopes: ['read'] })
  expect((await client.exchangeCode(callbackOf(pending.state), pending)).scopes).toEqual(['read'])
})

test('a token that was refused is not given again', async () => {
  const client = setup()
  const first = await client.clientCredentials()
  expect((await client.clientCredentials()).accessToken).toBe(first.accessToken)
  expect((await client.clientCredentials({ instead: first.accessToken })).accessToken).not.toBe(first.accessToken)
})

test('a device flow ends with an answer that cannot be used', async () => {
  const client = setup({}, { device_authorization_endpoint: `${local.issuer}/device` })
  let polls = 0
  answer = (form) => {
    if (form.get('grant_type') === null) {
      return {
        body: { device_code: 'd', user_code: 'U', verification_uri: 'https://id.example/device', expires_in: 600 },
      }
    }
    polls++
    return { body: { access_token: 'at', token_type: 'mac' } }
  }
  const flow = client.deviceFlow({ prompt: () => undefined, wait: async () => undefined })
  await expect(flow).rejects.toMatchObject({ code: 'ERR_OAUTH2_RESPONSE' })
  expect(polls).toBe(1)
})

test('a server that repeats a token in its words does not bring it into an error', async () => {
  const client = setup()
  const secret = 'rt_0123456789abcdef0123456789'
  answer = () => ({ status: 400, body: { error: 'invalid_grant', error_description: `no such token: ${secret}` } })
  const error = await client.refresh(secret).catch((one: unknown) => one)
  expect(error).toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'invalid_grant' })
  expect(String(error)).not.toContain(secret)
  const withPassword = () => createOAuthClient({ clientId: 'a', issuer: 'https://user:hunter2@id.example' })
  expect(withPassword).toThrow(/must not hold/)
  expect(withPassword).not.toThrow(/hunter2/)
})
