import { generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createTokenVerifier, type OAuth2Event } from '../src/index.ts'
import { ec, ed, jwkOf, type LocalIssuer, makeJwt, resource, rsa, startLocalIssuer } from './local-issuer.ts'

let local: LocalIssuer
let published: LocalIssuer['keys']
beforeAll(async () => {
  local = await startLocalIssuer()
  published = local.keys
})
afterAll(() => local.stop())

let verifier: ReturnType<typeof createTokenVerifier>
let events: OAuth2Event[]
const time = { ms: 0 }
beforeEach(() => {
  time.ms = Date.now()
  local.keys = published
  local.intercept = undefined
  local.requests.length = 0
  events = []
  verifier = createTokenVerifier({
    resource,
    issuers: [{ issuer: local.issuer, endpoints: { jwks: `${local.issuer}/jwks` }, jwks: { maxStaleMs: 3_600_000 } }],
    clock: () => time.ms,
    on: (event) => {
      events.push(event)
      throw new Error('a listener of little use')
    },
  })
})
afterEach(() => verifier.close())

const token = (header: object = {}): string => {
  const iat = Math.floor(time.ms / 1000)
  return makeJwt({ header, payload: local.claims({ iat, exp: iat + 80_000 }) })
}
const down = (): void => {
  local.intercept = (_request, response) => {
    response.writeHead(503).end()
    return true
  }
}
const outage = { code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable', retryAfterMs: expect.any(Number) }

test('keys that hold nothing usable refuse, answers that are no key set are an outage', async () => {
  local.keys = [{ kty: 'oct', k: 'AAAA', kid: 'ec' }]
  expect(await verifier.verify(token())).toEqual({ ok: false, reason: 'unknown_key' })
  const answers = [
    '',
    'x',
    '[]',
    '{"keys":1}',
    `{"keys":[${'{},'.repeat(100)}{}]}`,
    `{"keys":[],"x":"${'x'.repeat(1_048_576)}"}`,
  ]
  for (const answer of answers) {
    time.ms += 3_600_000 * 3
    local.intercept = (_request, response) => {
      response.end(answer)
      return true
    }
    await expect(Promise.resolve(verifier.verify(token()))).rejects.toMatchObject(outage)
  }
  expect(events.map(({ type }) => type)).toEqual(['jwks.fetched', ...answers.map(() => 'jwks.failed')])
})

test('a redirect to other keys is not followed', async () => {
  local.intercept = (request, response) => {
    if (request.url !== '/jwks') return false
    response.writeHead(302, { location: `${local.issuer}/other` }).end()
    return true
  }
  await expect(Promise.resolve(verifier.verify(token()))).rejects.toMatchObject(outage)
  expect(local.requests).toEqual(['GET /jwks'])
})

test('down when cold: one request, then outages at once', async () => {
  down()
  for (let i = 0; i < 50; i++) await expect(Promise.resolve(verifier.verify(token()))).rejects.toMatchObject(outage)
  expect(local.requests).toEqual(['GET /jwks'])
})

test('down for less than maxStaleMs: known keys verify on, unknown ones are an outage and no refusal', async () => {
  expect((await verifier.verify(token())).ok).toBe(true)
  down()
  for (let minute = 0; minute < 69; minute++) {
    time.ms += 60_000
    expect((await verifier.verify(token())).ok).toBe(true)
    expect((await verifier.verify(token({ kid: 'ec', alg: 'ES256' }))).ok).toBe(true)
  }
  await expect(Promise.resolve(verifier.verify(token({ kid: 'new' })))).rejects.toMatchObject(outage)
  expect(local.requests.length).toBeLessThan(69 + 69)
})

test('down for longer: also what was verified before is an outage; well again without a restart', async () => {
  const known = token()
  const first = await verifier.verify(known)
  expect(first.ok).toBe(true)
  down()
  time.ms += 600_000 + 3_599_999
  expect(verifier.verify(known)).toBe(first)
  await new Promise((resolve) => setTimeout(resolve, 50))
  time.ms += 1
  await expect(Promise.resolve(verifier.verify(known))).rejects.toMatchObject(outage)
  local.intercept = undefined
  time.ms += 36_000
  expect((await verifier.verify(known)).ok).toBe(true)
})

test('a key that is withdrawn takes the tokens that it signed with it, at the next refresh', async () => {
  const known = token()
  expect((await verifier.verify(known)).ok).toBe(true)
  local.keys = [jwkOf(rsa.publicKey, { kid: 'rsa' })]
  time.ms += 300_000
  expect((await verifier.verify(known)).ok).toBe(true)
  await vi.waitFor(async () => expect(await verifier.verify(known)).toEqual({ ok: false, reason: 'unknown_key' }))
})

test('two keys of one id are both tried', async () => {
  local.keys = [jwkOf(ec.publicKey, { kid: 'same' }), jwkOf(ed.publicKey, { kid: 'same' })]
  expect((await verifier.verify(token({ kid: 'same' }))).ok).toBe(true)
  expect(
    (await verifier.verify(makeJwt({ payload: local.claims(), key: ed.privateKey, header: { kid: 'same' } }))).ok,
  ).toBe(true)
})

test('a key that is a point of no curve has signed nothing', async () => {
  local.keys = [{ ...jwkOf(ec.publicKey, { kid: 'ec' }), x: 'A'.repeat(43) }]
  expect(await verifier.verify(token())).toEqual({ ok: false, reason: 'signature' })
})

test('an id that nobody knows is looked for once in ten seconds, and leaves the fetches to others', async () => {
  expect((await verifier.verify(token())).ok).toBe(true)
  for (let i = 0; i < 50; i++) {
    const unknown = makeJwt({ header: { kid: 'unknown' }, payload: local.claims({ jti: `${i}` }) })
    expect(await verifier.verify(unknown)).toEqual({ ok: false, reason: 'unknown_key' })
  }
  expect(local.requests).toEqual(['GET /jwks', 'GET /jwks'])
  local.keys = [...published, jwkOf(ec.publicKey, { kid: 'next' })]
  expect((await verifier.verify(token({ kid: 'next' }))).ok).toBe(true)
  time.ms += 10_000
  expect(await verifier.verify(token({ kid: 'unknown' }))).toEqual({ ok: false, reason: 'unknown_key' })
  expect(local.requests).toHaveLength(4)
})

test('a rotation that a stranger hides behind made-up ids is an outage until the next fetch, and never a refusal', async () => {
  expect((await verifier.verify(token())).ok).toBe(true)
  const flood = async (from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i++)
      await Promise.resolve(verifier.verify(token({ kid: `made-up-${i}` }))).catch(() => 0)
  }
  await flood(0, 3)
  local.keys = [...published, jwkOf(ec.publicKey, { kid: 'rotated' })]
  const rotated = token({ kid: 'rotated' })
  for (let second = 0; second < 10; second++) {
    await flood(100 * (second + 1), 50)
    const retryAfterMs = 10_000 - second * 1000
    await expect(Promise.resolve(verifier.verify(rotated))).rejects.toMatchObject({ ...outage, retryAfterMs })
    time.ms += 1000
  }
  expect(local.requests).toHaveLength(4)
  // Also when the fetch is the stranger's.
  await flood(10_000, 50)
  expect((await verifier.verify(rotated)).ok).toBe(true)
  expect(local.requests).toHaveLength(5)
})

test('an id that a later fetch did not find is refused while fetches are used up, for ten seconds', async () => {
  expect((await verifier.verify(token())).ok).toBe(true)
  const ask = (kid: string): Promise<unknown> =>
    Promise.resolve(verifier.verify(token({ kid }))).catch((error: unknown) => error)
  const refusal = { ok: false, reason: 'unknown_key' }
  for (const kid of ['a', 'b', 'c']) expect(await ask(kid)).toEqual(refusal)
  expect(await ask('late')).toMatchObject(outage)
  time.ms += 10_000
  // The fetch for another id began after this one was asked for, so it told of both.
  expect(await ask('d')).toEqual(refusal)
  expect(await ask('late')).toEqual(refusal)
  expect(await ask('e')).toMatchObject(outage)
  time.ms += 9999
  expect(await ask('late')).toEqual(refusal)
  expect(local.requests).toHaveLength(5)
  time.ms += 1
  expect(await ask('e')).toEqual(refusal)
  // What was missing ten seconds ago may be there now.
  expect(await ask('d')).toMatchObject(outage)
  expect(local.requests).toHaveLength(6)
})

test('what is remembered of missing ids is bounded: one that was pushed out is an outage again', async () => {
  expect((await verifier.verify(token())).ok).toBe(true)
  const ask = (kid: string): Promise<unknown> =>
    Promise.resolve(verifier.verify(token({ kid }))).catch((error: unknown) => error)
  for (const kid of ['a', 'b', 'c']) expect(await ask(kid)).toEqual({ ok: false, reason: 'unknown_key' })
  for (let i = 0; i < 253; i++) expect(await ask(`k${i}`)).toMatchObject(outage)
  expect(await ask('a')).toEqual({ ok: false, reason: 'unknown_key' })
  expect(await ask('one more')).toMatchObject(outage)
  expect(await ask('a')).toMatchObject(outage)
})

test('a fetch that began before a key was asked for does not tell that it is missing', async () => {
  expect((await verifier.verify(token())).ok).toBe(true)
  let release = (): void => undefined
  local.intercept = (_request, response) => {
    // Decided before the rotation, delivered after it.
    const before = JSON.stringify({ keys: published })
    release = () => response.end(before)
    return true
  }
  const first = Promise.resolve(verifier.verify(token({ kid: 'made-up' })))
  await vi.waitFor(() => expect(local.requests).toHaveLength(2))
  local.intercept = undefined
  local.keys = [...published, jwkOf(ec.publicKey, { kid: 'rotated' })]
  const others = Array.from({ length: 20 }, () => verifier.verify(token({ kid: 'rotated' })))
  release()
  expect(await first).toEqual({ ok: false, reason: 'unknown_key' })
  for (const result of await Promise.all(others)) expect(result.ok).toBe(true)
  expect(local.requests).toHaveLength(3)
})

test('a token without kid is no forgery either while nobody can look for its key', async () => {
  local.keys = [jwkOf(ec.publicKey, { use: 'sig' })]
  const next = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const bare = (key = ec.privateKey, jti = 'x'): string =>
    makeJwt({ header: { kid: undefined }, payload: local.claims({ jti }), key })
  expect((await verifier.verify(bare())).ok).toBe(true)
  const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const forged = ['0', '1', '2'].map((jti) => bare(thief.privateKey, jti))
  for (const one of forged) expect(await verifier.verify(one)).toEqual({ ok: false, reason: 'signature' })
  local.keys = [jwkOf(ec.publicKey, { use: 'sig' }), jwkOf(next.publicKey, { use: 'sig' })]
  await expect(Promise.resolve(verifier.verify(bare(next.privateKey)))).rejects.toMatchObject(outage)
  time.ms += 5000
  // Looked for and not found less than ten seconds ago.
  expect(await verifier.verify(forged[0] as string)).toEqual({ ok: false, reason: 'signature' })
  expect(local.requests).toHaveLength(4)
  time.ms += 5000
  expect((await verifier.verify(bare(next.privateKey))).ok).toBe(true)
  expect(local.requests).toHaveLength(5)
})
