import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createTokenVerifier, type IssuerOptions, type TokenVerifierOptions } from '../src/index.ts'
import { type LocalIssuer, makeJwt, resource, startLocalIssuer } from './local-issuer.ts'

let local: LocalIssuer
const time = { ms: 0 }
beforeAll(async () => {
  local = await startLocalIssuer()
})
afterAll(() => local.stop())
const opened: { close(): void }[] = []
afterEach(() => {
  for (const verifier of opened.splice(0)) verifier.close()
  local.intercept = undefined
  local.introspect = () => ({ active: false })
  local.requests.length = 0
})

const verifierOf = (issuer: Partial<IssuerOptions> = {}, more: Partial<TokenVerifierOptions> = {}) => {
  time.ms = Date.now()
  const verifier = createTokenVerifier({
    resource,
    issuers: [{ issuer: local.issuer, clientId: 'gw', clientSecret: 's', mode: 'introspection', ...issuer }],
    clock: () => time.ms,
    ...more,
  })
  opened.push(verifier)
  return verifier
}
const answering = (more: Record<string, unknown> = {}): void => {
  const answer = local.claims({ active: true, token_type: 'Bearer', ...more })
  local.introspect = () => answer
}
const questions = (): number => local.requests.filter((request) => request === 'POST /introspect').length
const outage = { code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable', retryAfterMs: expect.any(Number) }

test('the client shows its credentials, form-encoded, and the token in the body', async () => {
  let seen: unknown
  local.intercept = (request, response, body) => {
    if (request.url !== '/introspect') return false
    seen = [request.headers.authorization, request.headers['content-type'], body]
    response.end(JSON.stringify(local.claims({ active: true })))
    return true
  }
  const verifier = verifierOf({ clientId: 'a:b c', clientSecret: 'p%/ü' })
  expect(await verifier.verify('opaque+/=')).toMatchObject({ ok: true, principal: { claims: { subject: 'alice' } } })
  const credentials = Buffer.from('a%3Ab+c:p%25%2F%C3%BC').toString('base64')
  expect(seen).toEqual([
    `Basic ${credentials}`,
    'application/x-www-form-urlencoded',
    'token=opaque%2B%2F%3D&token_type_hint=access_token',
  ])
})

test('only true is active', async () => {
  for (const active of ['true', 1, {}, [true], null, false]) {
    answering({ active })
    expect(await verifierOf().verify('opaque')).toEqual({ ok: false, reason: 'inactive' })
  }
  // An answer that does not say is that of a server which is not at work.
  answering({ active: undefined })
  await expect(verifierOf().verify('opaque')).rejects.toMatchObject({ code: 'ERR_OAUTH2_UNAVAILABLE' })
})

test('the answer is checked like a token', async () => {
  const now = Math.floor(Date.now() / 1000)
  const cases: [Record<string, unknown>, string][] = [
    [{ aud: undefined }, 'audience'],
    [{ aud: `${resource}/` }, 'audience'],
    [{ aud: [] }, 'audience'],
    [{ iss: 'https://elsewhere.example' }, 'issuer'],
    [{ iss: null }, 'issuer'],
    [{ exp: now - 60 }, 'expired'],
    [{ exp: 'soon' }, 'claims'],
    [{ nbf: now + 60 }, 'not_yet_valid'],
    [{ token_type: 'DPoP' }, 'type'],
    [{ token_type: 'N_A' }, 'type'],
    [{ token_type: 7 }, 'type'],
    [{ cnf: { jkt: 'x' } }, 'sender_constrained'],
    [{ sub: undefined, client_id: undefined }, 'claims'],
    [{ scope: 'openid' }, 'insufficient_scope'],
  ]
  for (const [claims, reason] of cases) {
    answering(claims)
    expect(await verifierOf().verify('opaque')).toMatchObject({ ok: false, reason })
  }
  for (const claims of [{ aud: ['x', resource] }, { iss: undefined }, { token_type: undefined }, { exp: undefined }]) {
    answering(claims)
    expect(await verifierOf().verify('opaque')).toMatchObject({
      ok: true,
      principal: { id: `oauth2:${encodeURIComponent(local.issuer)}:sub:alice` },
    })
  }
})

test('200 first uses at once ask once; then not again for maxAgeMs, and never past exp', async () => {
  answering({ exp: Math.floor(Date.now() / 1000) + 20 })
  const verifier = verifierOf()
  const results = await Promise.all(Array.from({ length: 200 }, () => verifier.verify('opaque')))
  expect([new Set(results).size, questions()]).toEqual([1, 1])
  time.ms += 18_000
  expect(verifier.verify('opaque')).toBe(results[0])
  time.ms += 2001
  const late = await verifier.verify('opaque')
  expect([late.ok, questions()]).toEqual([true, 2])

  answering({ exp: undefined })
  const other = verifierOf()
  const first = await other.verify('opaque')
  time.ms += 29_999
  expect(other.verify('opaque')).toBe(first)
  time.ms += 1
  local.introspect = () => ({ active: false })
  expect(await other.verify('opaque')).toEqual({ ok: false, reason: 'inactive' })
})

test('a refusal is remembered for negativeMs', async () => {
  const verifier = verifierOf()
  const first = await verifier.verify('opaque')
  time.ms += 4999
  expect([verifier.verify('opaque') === first, questions()]).toEqual([true, 1])
  time.ms += 1
  answering()
  expect((await verifier.verify('opaque')).ok).toBe(true)
})

test('an issuer that fails is an outage, never a refusal; after three in a row it rests', async () => {
  answering()
  const verifier = verifierOf({ endpoints: { introspection: `${local.issuer}/introspect` } })
  expect((await verifier.verify('known')).ok).toBe(true)
  for (const status of [500, 503, 429, 401, 403, 302, 204]) {
    local.intercept = (_request, response) => {
      response.writeHead(status).end()
      return true
    }
    await expect(Promise.resolve(verifier.verify(`t${status}`))).rejects.toMatchObject(outage)
  }
  expect(questions()).toBe(1 + 3)
  expect((await verifier.verify('known')).ok).toBe(true)
  local.intercept = undefined
  await expect(Promise.resolve(verifier.verify('other'))).rejects.toMatchObject(outage)
  time.ms += 1200
  expect((await verifier.verify('other')).ok).toBe(true)
  expect(questions()).toBe(5)
})

/** Answers questions with this status and text. */
const saying = (status: number, text: string): void => {
  local.intercept = (request, response) => {
    if (request.url !== '/introspect') return false
    response.writeHead(status).end(text)
    return true
  }
}

test.each(['invalid_request', 'invalid_token', 'unsupported_token_type'])(
  'a token that the issuer will not look at (%s) says nothing about the issuer',
  async (error) => {
    answering()
    const events: string[] = []
    const verifier = verifierOf({}, { on: ({ type }) => events.push(type) })
    saying(400, JSON.stringify({ error, error_description: 'odd' }))
    for (let i = 0; i < 10; i++) expect(await verifier.verify(`odd-${i}`)).toEqual({ ok: false, reason: 'inactive' })
    expect(new Set(events)).toEqual(new Set(['metadata.fetched', 'introspection.refused']))
    local.intercept = undefined
    expect((await verifier.verify('good')).ok).toBe(true)
  },
)

test.each([
  '{"error":"temporarily_unavailable"}',
  '{"error":"server_error"}',
  '{"error":"invalid_client"}',
  '{"error":"unauthorized_client"}',
  '{"error":"access_denied"}',
  '{"error":"INVALID_TOKEN"}',
  '{"error":["invalid_token"]}',
  '{"error":"server_error","error":"invalid_token"}',
  '["invalid_token"]',
  '"invalid_token"',
  '{"active":false}',
  '{}',
  '',
  '<html><h1>400 Bad Request</h1></html>',
])('a 400 that does not speak of the token is an outage: %s', async (text) => {
  answering()
  const events: string[] = []
  const verifier = verifierOf({}, { on: ({ type }) => events.push(type) })
  saying(400, text)
  await expect(Promise.resolve(verifier.verify('good'))).rejects.toMatchObject(outage)
  expect(events).toEqual(['metadata.fetched', 'introspection.failed'])
  local.intercept = undefined
  expect((await verifier.verify('good')).ok).toBe(true)
})

test('the words of an invalid token count with status 400 only', async () => {
  const verifier = verifierOf()
  for (const status of [401, 403, 500]) {
    saying(status, '{"error":"invalid_token"}')
    await expect(Promise.resolve(verifier.verify(`t${status}`))).rejects.toMatchObject(outage)
  }
})

test('a proxy that turns odd tokens away does not stop the questions about others; a server that says that it is down rests', async () => {
  answering()
  const verifier = verifierOf()
  saying(400, '<html>')
  for (let i = 0; i < 10; i++) await expect(Promise.resolve(verifier.verify(`o${i}`))).rejects.toMatchObject(outage)
  expect(questions()).toBe(10)
  local.intercept = undefined
  expect((await verifier.verify('good')).ok).toBe(true)
  saying(400, '{"error":"temporarily_unavailable"}')
  for (let i = 0; i < 10; i++) await expect(Promise.resolve(verifier.verify(`d${i}`))).rejects.toMatchObject(outage)
  expect(questions()).toBe(10 + 1 + 3)
})

test('one address with made-up tokens has eight questions under way, and others are answered meanwhile', async () => {
  const verifier = verifierOf()
  const held: (() => void)[] = []
  local.intercept = (request, response, body) => {
    if (request.url !== '/introspect') return false
    const answer = body.startsWith('token=good') ? local.claims({ active: true }) : { active: false }
    const end = (): void => void response.end(JSON.stringify(answer))
    if (body.startsWith('token=bad')) held.push(end)
    else end()
    return true
  }
  const from = (address: string, token: string): Promise<unknown> =>
    Promise.resolve(verifier.verify(token, { address, transport: 'http' })).catch((error: unknown) => error)
  expect(await from('192.0.2.1', 'good-1')).toMatchObject({ ok: true })
  const attacks = Array.from({ length: 400 }, (_, index) => from('192.0.2.1', `bad-${index}`))
  const refused = await Promise.all(attacks.slice(8))
  for (const error of refused) expect(error).toMatchObject({ code: 'ERR_OAUTH2_UNAVAILABLE', retryAfterMs: 250 })
  await vi.waitFor(() => expect(held).toHaveLength(8))
  // Known tokens of that address, the same made-up one again, and new tokens of others.
  expect(await from('192.0.2.1', 'good-1')).toMatchObject({ ok: true })
  const again = from('192.0.2.1', 'bad-0')
  expect(await from('192.0.2.1', 'good-2')).toMatchObject(outage)
  expect(await from('192.0.2.2', 'good-3')).toMatchObject({ ok: true })
  expect(await verifier.verify('good-4')).toMatchObject({ ok: true })
  for (const end of held) end()
  for (const result of await Promise.all([...attacks.slice(0, 8), again]))
    expect(result).toEqual({ ok: false, reason: 'inactive' })
  expect(await from('192.0.2.1', 'good-2')).toMatchObject({ ok: true })
  // Metadata once; nothing was asked for those that were turned away.
  expect(questions()).toBe(8 + 4)
})

test('a context that is odd is no address', async () => {
  answering()
  const verifier = verifierOf()
  for (const context of [undefined, null, 7, {}, { address: 7 }, { address: undefined }]) {
    expect(await verifier.verify(`t${JSON.stringify(context)?.length}`, context as unknown as object)).toMatchObject({
      ok: true,
    })
  }
})

test('silence and floods of text are outages', async () => {
  const verifier = verifierOf({ timeoutMs: 100, endpoints: { introspection: `${local.issuer}/introspect` } })
  local.intercept = () => true
  await expect(Promise.resolve(verifier.verify('a'))).rejects.toMatchObject(outage)
  local.intercept = (_request, response) => {
    response.end(JSON.stringify(local.claims({ active: true, padding: 'x'.repeat(65_536) })))
    return true
  }
  await expect(Promise.resolve(verifier.verify('b'))).rejects.toMatchObject(outage)
  local.intercept = (_request, response) => {
    response.end('{"active":false,"active":true}')
    return true
  }
  await expect(Promise.resolve(verifier.verify('c'))).rejects.toMatchObject(outage)
})

test('text that cannot be a bearer token is not passed on', async () => {
  const verifier = verifierOf()
  for (const text of ['a b', 'a\r\nb', 'ä', '=', 'a=b', 'a&b', '\0'])
    expect(verifier.verify(text)).toEqual({ ok: false, reason: 'malformed' })
  expect(local.requests).toEqual([])
})

test('with several issuers a token is asked of one only: by its prefix, or by the issuer that a JWT names', async () => {
  const second = await startLocalIssuer()
  for (const issuer of [local, second]) issuer.introspect = () => ({ ...issuer.claims({ active: true }) })
  const common = { clientId: 'gw', clientSecret: 's', mode: 'introspection' } as const
  const verifier = verifierOf(
    {},
    {
      issuers: [
        { ...common, issuer: local.issuer, tokenPrefix: 'a_' },
        { ...common, issuer: second.issuer, tokenPrefix: 'a_b_' },
      ],
    },
  )
  const issuerOf = async (token: string): Promise<unknown> => {
    const result = await verifier.verify(token)
    return result.ok ? result.principal.claims.issuer : result.reason
  }
  expect(await issuerOf('a_1')).toBe(local.issuer)
  expect(second.requests).toEqual([])
  expect(await issuerOf('a_b_1')).toBe(second.issuer)
  expect(await issuerOf('b_1')).toBe('unsupported')
  expect(await issuerOf(makeJwt({ payload: second.claims() }))).toBe(second.issuer)
  expect(questions()).toBe(1)
  await second.stop()
})

test('auto: JWTs by keys, others by asking, and nothing else where the issuer cannot be asked', async () => {
  answering()
  const auto = verifierOf({ mode: 'auto' })
  expect((await auto.verify(makeJwt({ payload: local.claims() }))).ok).toBe(true)
  expect(questions()).toBe(0)
  expect((await auto.verify('opaque')).ok).toBe(true)
  local.intercept = (request, response) => {
    if (!request.url?.startsWith('/.well-known/')) return false
    response.end(JSON.stringify({ issuer: local.issuer, jwks_uri: `${local.issuer}/jwks` }))
    return true
  }
  expect(await verifierOf({ mode: 'auto' }).verify('opaque')).toEqual({ ok: false, reason: 'unsupported' })
  await expect(Promise.resolve(verifierOf({ mode: 'introspection' }).verify('opaque'))).rejects.toMatchObject(outage)
  const {
    clientId: _id,
    clientSecret: _secret,
    ...anonymous
  } = { issuer: local.issuer, clientId: '', clientSecret: '' }
  expect(verifierOf({}, { issuers: [anonymous] }).verify('opaque')).toEqual({ ok: false, reason: 'unsupported' })
})

test('a JWT that says itself that it is bound is no bearer token because its issuer forgot to say so', async () => {
  const token = makeJwt({ payload: local.claims({ cnf: { jkt: 'A'.repeat(43) } }) })
  local.introspect = () => ({ active: true, ...local.claims() })
  expect(await verifierOf().verify(token)).toEqual({ ok: false, reason: 'sender_constrained' })
  expect(await verifierOf().verify(makeJwt({ payload: local.claims() }))).toMatchObject({ ok: true })
})

test.each([403, 404, 413, 414, 422, 431])(
  'a firewall that turns odd tokens away with %i stops nobody else',
  async (status) => {
    const verifier = verifierOf()
    local.intercept = (request, response, body) => {
      if (request.url !== '/introspect' || !body.includes('passwd')) return false
      response.writeHead(status).end('<html>no</html>')
      return true
    }
    for (let nth = 0; nth < 5; nth++) {
      await expect(verifier.verify(`../../../../etc/passwd${nth}`)).rejects.toMatchObject({
        code: 'ERR_OAUTH2_UNAVAILABLE',
      })
    }
    answering({})
    expect(await verifier.verify('of-somebody-else')).toMatchObject({ ok: true })
  },
)
