import { createHmac, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { CredentialVerifier } from '../../guard/src/ports.ts'
import { createTokenVerifier, type TokenVerifierOptions } from '../src/index.ts'
import { base64url, ec, ed, jwkOf, type LocalIssuer, makeJwt, resource, rsa, startLocalIssuer } from './local-issuer.ts'

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 })

let local: LocalIssuer
beforeAll(async () => {
  local = await startLocalIssuer()
})
afterAll(() => local.stop())

const opened: { close(): void }[] = []
afterEach(() => {
  for (const verifier of opened.splice(0)) verifier.close()
  local.intercept = undefined
  local.requests.length = 0
})

const verifierOf = (more: Partial<TokenVerifierOptions> = {}) => {
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer: local.issuer }], ...more })
  opened.push(verifier)
  return verifier
}
const reasonOf = async (token: string, more: Partial<TokenVerifierOptions> = {}): Promise<string> => {
  const result = await verifierOf(more).verify(token)
  return result.ok ? 'accepted' : result.reason
}
const signed = (more: Record<string, unknown> = {}, header?: object): string =>
  makeJwt({ payload: local.claims(more), ...(header === undefined ? {} : { header }) })

test('it is what the guard asks for', () => {
  const port: CredentialVerifier = verifierOf()
  expect(port.verify('made-up', { transport: 'http' })).toEqual({ ok: false, reason: 'unsupported' })
})

test.each([ec, rsa, ed])('a good token is accepted, with each kind of key', async ({ privateKey }) => {
  const token = makeJwt({ payload: local.claims(), key: privateKey })
  expect(await verifierOf().verify(token)).toMatchObject({ ok: true, principal: { claims: { subject: 'alice' } } })
})

test('a hit is the same deeply frozen object, without a promise', async () => {
  const verifier = verifierOf()
  const token = signed({ aud: ['https://elsewhere.example', resource] })
  const first = await verifier.verify(token)
  expect(first).toEqual({
    ok: true,
    principal: {
      id: `oauth2:${encodeURIComponent(local.issuer)}:sub:alice`,
      method: 'oauth2',
      grants: ['server:access', 'tool:get_time'],
      authenticatedAtMs: expect.any(Number),
      expiresAtMs: expect.any(Number),
      claims: {
        issuer: local.issuer,
        subject: 'alice',
        clientId: 'app',
        scopes: ['mcp:server:access', 'mcp:tool:get_time'],
        tokenId: 'token-1',
        issuedAtMs: expect.any(Number),
      },
    },
  })
  expect(verifier.verify(token)).toBe(first)
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
  expect(frozen(first)).toBe(true)
})

test('200 first uses at once make one fetch of each document and one verification', async () => {
  const verifier = verifierOf()
  const token = signed()
  const results = await Promise.all(Array.from({ length: 200 }, () => verifier.verify(token)))
  expect(new Set(results).size).toBe(1)
  expect(results[0]?.ok).toBe(true)
  expect(local.requests).toEqual(['GET /.well-known/oauth-authorization-server', 'GET /jwks'])
})

test('prepare fetches what is needed, so that the first token waits for nothing', async () => {
  const verifier = verifierOf()
  await verifier.prepare()
  local.requests.length = 0
  expect((await verifier.verify(signed())).ok).toBe(true)
  expect(local.requests).toEqual([])
})

describe('algorithms', () => {
  const publicTexts = (): string[] => {
    const texts: string[] = []
    for (const { publicKey } of [ec, rsa]) {
      const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
      texts.push(pem, pem.trim(), publicKey.export({ format: 'der', type: 'spki' }).toString('latin1'))
      texts.push(JSON.stringify(publicKey.export({ format: 'jwk' })))
    }
    return texts
  }

  test('none in every spelling, with and without a signature', async () => {
    const [, payload, signature] = signed().split('.')
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'null']) {
      const header = base64url(JSON.stringify({ alg, typ: 'at+jwt' }))
      expect(await reasonOf(`${header}.${payload}.${signature}`)).toBe('algorithm')
      expect(await reasonOf(`${header}.${payload}.`)).toBe('malformed')
      expect(await reasonOf(`${header}.${payload}`)).not.toBe('accepted')
    }
    for (const alg of [null, 0, true, ['ES256'], { ES256: 1 }, undefined]) {
      const header = base64url(JSON.stringify({ alg, typ: 'at+jwt' }))
      expect(await reasonOf(`${header}.${payload}.${signature}`)).toBe('algorithm')
    }
    expect(local.requests).toEqual([])
  })

  test('HMAC with a public key as the secret', async () => {
    for (const secret of publicTexts()) {
      for (const kid of ['ec', 'rsa']) {
        const text = `${base64url(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid }))}.${base64url(JSON.stringify(local.claims()))}`
        const mac = createHmac('sha256', Buffer.from(secret, 'latin1')).update(text).digest('base64url')
        expect(await reasonOf(`${text}.${mac}`)).toBe('algorithm')
      }
    }
  })

  test('an algorithm that this issuer may not use, and one that is not its key’s', async () => {
    const rs256 = makeJwt({ payload: local.claims(), key: rsa.privateKey })
    expect(await reasonOf(rs256, { issuers: [{ issuer: local.issuer, algorithms: ['ES256'] }] })).toBe('algorithm')
    for (const header of [{ kid: 'rsa' }, { alg: 'ES384' }, { alg: 'EdDSA' }, { alg: 'RS256' }]) {
      expect(await reasonOf(signed({}, header))).toBe('unknown_key')
    }
    expect(await reasonOf(makeJwt({ payload: local.claims(), key: rsa.privateKey, header: { alg: 'PS256' } }))).toBe(
      'signature',
    )
  })
})

describe('signatures', () => {
  test('another key, a changed payload, an empty, zero or truncated signature', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(await reasonOf(makeJwt({ payload: local.claims(), key: other.privateKey }))).toBe('signature')
    const [header, , signature = ''] = signed().split('.')
    const payload = base64url(JSON.stringify(local.claims({ scope: 'mcp:tool:*' })))
    expect(await reasonOf(`${header}.${payload}.${signature}`)).toBe('signature')
    for (const bytes of [Buffer.alloc(64), Buffer.alloc(1), Buffer.from(signature, 'base64url').subarray(0, 63)]) {
      expect(await reasonOf(`${header}.${payload}.${base64url(bytes)}`)).toBe('signature')
    }
    expect(await reasonOf(`${header}.${payload}.`)).toBe('malformed')
  })

  test('every other text of the same token is refused', async () => {
    for (const key of [ec.privateKey, rsa.privateKey, ed.privateKey]) {
      const token = makeJwt({ payload: local.claims(), key })
      const last = token.at(-1) as string
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const flipped = alphabet[alphabet.indexOf(last) ^ 1] as string
      const [header, payload, signature] = token.split('.')
      const variants = [
        `${token.slice(0, -1)}${flipped}`,
        `${token}=`,
        `${token}==`,
        ` ${token}`,
        `${token} `,
        `${token}\n`,
        `${header}. ${payload}.${signature}`,
        `${header}=.${payload}.${signature}`,
        `${header}.${payload}.${signature}.`,
        `${header}..${signature}`,
        token.replaceAll('.', '．'),
        `${token}\0`,
        token.replaceAll('-', '+').replaceAll('_', '/').replace('.', '.+'),
      ]
      for (const variant of variants) expect(await reasonOf(variant)).not.toBe('accepted')
      expect(await reasonOf(token)).toBe('accepted')
    }
  })

  test('keys and addresses in the header are neither used nor fetched', async () => {
    const asked: string[] = []
    const trap = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end(JSON.stringify({ keys: [jwkOf(thief.publicKey, { kid: 'thief' })] }))
    })
    const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`
    const injected = {
      jwk: thief.publicKey.export({ format: 'jwk' }),
      jku: `${origin}/jku`,
      x5u: `${origin}/x5u`,
      x5c: ['MIIB'],
    }
    const forge = (header: object, more: Record<string, unknown> = {}): string =>
      makeJwt({ header, payload: local.claims(more), key: thief.privateKey })
    for (const kid of ['ec', 'thief', `${origin}/jku`]) {
      expect(await reasonOf(forge({ ...injected, kid }))).toBe(kid === 'ec' ? 'signature' : 'unknown_key')
    }
    for (const iss of [origin, `${local.issuer}.evil.example`, `${local.issuer}/`, local.issuer.toUpperCase()]) {
      expect(await reasonOf(forge(injected, { iss }))).toBe('issuer')
    }
    expect(asked).toEqual([])
    await new Promise((resolve) => trap.close(resolve))
  })

  test('a token without kid is tried with two keys at most, and a rotation is seen all the same', async () => {
    const before = local.keys
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const verifier = verifierOf()
    const token = (key = ec.privateKey): string => makeJwt({ header: { kid: undefined }, payload: local.claims(), key })
    expect((await verifier.verify(token())).ok).toBe(true)
    local.keys = [jwkOf(next.publicKey, { use: 'sig' })]
    expect((await verifier.verify(token(next.privateKey))).ok).toBe(true)
    local.keys = [1, 2, 3].map((kid) => jwkOf(next.publicKey, { kid: String(kid) }))
    expect(await reasonOf(token(next.privateKey))).toBe('unknown_key')
    local.keys = before
  })
})

describe('headers', () => {
  test('extensions, wrong types, and odd key ids', async () => {
    for (const header of [
      { crit: ['exp'] },
      { crit: [] },
      { b64: false },
      { b64: true },
      { enc: 'A256GCM' },
      { zip: 'DEF' },
    ]) {
      expect(await reasonOf(signed({}, header))).toBe('header')
    }
    for (const kid of ['', 'x'.repeat(257), 7, null, ['ec'], { a: 1 }])
      expect(await reasonOf(signed({}, { kid }))).toBe('header')
    for (const kid of ['../../dev/null', "' OR 1=1 --", '__proto__', 'constructor', 'EC', 'ec ']) {
      expect(await reasonOf(signed({}, { kid }))).toBe('unknown_key')
    }
  })

  test('only access tokens: the type in the header', async () => {
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt', undefined]) {
      expect(await reasonOf(signed({}, { typ }))).toBe('accepted')
    }
    for (const typ of [
      'id+jwt',
      'logout+jwt',
      'dpop+jwt',
      'secevent+jwt',
      'token-introspection+jwt',
      'oauth-authz-req+jwt',
      'x',
      '',
      7,
      null,
    ]) {
      expect(await reasonOf(signed({}, { typ }))).toBe('type')
    }
  })

  test('only access tokens: what other kinds of tokens say', async () => {
    const others = [
      { nonce: 'n' },
      { at_hash: 'h' },
      { c_hash: 'h' },
      { events: {} },
      { token_use: 'id' },
      { typ: 'ID' },
      { typ: 'Refresh' },
    ]
    for (const claims of others) expect(await reasonOf(signed(claims, { typ: 'JWT' }))).toBe('type')
    expect(await reasonOf(signed({ token_use: 'access', typ: 'Bearer' }, { typ: 'JWT' }))).toBe('accepted')
  })

  test('a member that is there twice, in whatever spelling', async () => {
    const claims = JSON.stringify(local.claims()).slice(1)
    for (const twice of [
      `{"aud":"https://evil.example",${claims}`,
      `{"\\u0061ud":"x",${claims}`,
      `{"x":{"a":1,"a":2},${claims}`,
    ]) {
      expect(await reasonOf(makeJwt({ payload: twice }))).toBe('malformed')
    }
    for (const header of [
      '{"alg":"none","alg":"ES256"}',
      '{"alg":"ES256","kid":"ec","kid":"rsa"}',
      '["ES256"]',
      'null',
      '{"alg":"ES256"} x',
    ]) {
      expect(await reasonOf(makeJwt({ header, payload: local.claims() }))).not.toBe('accepted')
    }
  })
})

describe('claims', () => {
  test('audience: one exact text', async () => {
    const lookalikes = [
      `${resource}/`,
      resource.toUpperCase(),
      `${resource}/sub`,
      'https://mcp.example',
      'https://mcp.example/',
      'https://mcp.example:443/mcp',
      'http://mcp.example/mcp',
      'https://mcp.example/mc%70',
      'https://mcp.example.evil.example/mcp',
      `${resource}?x`,
      ` ${resource}`,
      `${resource} https://elsewhere.example`,
      '*',
      '',
    ]
    for (const aud of [
      ...lookalikes,
      lookalikes,
      [],
      {},
      null,
      undefined,
      7,
      [[resource]],
      { 0: resource, length: 1 },
    ]) {
      expect(await reasonOf(signed({ aud }))).toBe('audience')
    }
    expect(local.requests).toEqual([])
    const many = Array.from({ length: 101 }, (_, index) => (index === 0 ? resource : `https://x/${index}`))
    expect(await reasonOf(signed({ aud: many }))).toBe('audience')
    const audience = '11111111-2222-3333-4444-555555555555'
    const issuers = [{ issuer: local.issuer, audience }]
    expect(await reasonOf(signed({ aud: audience }), { issuers })).toBe('accepted')
    expect(await reasonOf(signed(), { issuers })).toBe('audience')
    expect(
      await reasonOf(signed({ aud: 'http://[::1]:1/mcp' }), {
        resource: ['http://localhost:1/mcp', 'http://[::1]:1/mcp'],
      }),
    ).toBe('accepted')
  })

  test('times: at the millisecond, with the tolerance', async () => {
    const time = { ms: 1_800_000_000_000 }
    const at = 1_800_000_000
    const clock = (): number => time.ms
    const reason = (claims: Record<string, unknown>): Promise<string> =>
      reasonOf(signed({ iat: at - 60, ...claims }), { clock })
    expect(await reason({ exp: at - 4.999 })).toBe('accepted')
    expect(await reason({ exp: at - 5 })).toBe('expired')
    expect(await reason({ exp: at + 60, nbf: at + 5 })).toBe('accepted')
    expect(await reason({ exp: at + 60, nbf: at + 6 })).toBe('not_yet_valid')
    expect(await reason({ exp: at + 60, iat: at + 6 })).toBe('not_yet_valid')
    expect(await reason({ exp: at - 60 + 86_400 })).toBe('accepted')
    expect(await reason({ exp: at - 60 + 86_401 })).toBe('lifetime')
    expect(await reason({ iat: undefined, exp: at + 86_401 })).toBe('lifetime')
    expect(await reason({ iat: undefined, exp: at + 60 })).toBe('accepted')
    expect(await reason({ exp: 99_999_999_999 })).toBe('lifetime')
    for (const exp of [undefined, null, '9999999999', true, -1, [at + 60], {}])
      expect(await reason({ exp })).toBe('claims')
    for (const iat of [null, '1', {}, -5]) expect(await reason({ iat, exp: at + 60 })).toBe('claims')
    expect(await reason({ nbf: 'x', exp: at + 60 })).toBe('claims')
    // 1e999 is Infinity when it is parsed.
    const text = JSON.stringify(local.claims({ exp: 0 })).replace('"exp":0', '"exp":1e999')
    expect(await reasonOf(makeJwt({ payload: text }))).toBe('claims')
  })

  test('a cached token ends when it expires, also while nobody looked', async () => {
    const time = { ms: Date.now() }
    const verifier = verifierOf({ clock: () => time.ms })
    const exp = Math.floor(time.ms / 1000) + 60
    const token = signed({ exp })
    const first = await verifier.verify(token)
    expect(first.ok && first.principal.expiresAtMs).toBe((exp + 5) * 1000)
    time.ms = (exp + 5) * 1000 - 1
    expect(verifier.verify(token)).toBe(first)
    time.ms++
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'expired' })
  })

  test('who it is: bounded, printable text', async () => {
    for (const sub of ['', 7, null, ['a'], 'x'.repeat(1025), 'a\nb', 'a\u0000', '\ud800', '\u202eecila']) {
      expect(await reasonOf(signed({ sub }))).toBe('claims')
      expect(await reasonOf(signed({ sub: undefined, client_id: sub }))).toBe('claims')
    }
    expect(await reasonOf(signed({ sub: undefined, client_id: undefined }))).toBe('claims')
    for (const name of ['client_id', 'azp', 'cid']) {
      const result = await verifierOf().verify(signed({ sub: undefined, client_id: undefined, [name]: 'alice' }))
      expect(result).toMatchObject({ principal: { id: `oauth2:${encodeURIComponent(local.issuer)}:client:alice` } })
    }
    expect(await reasonOf(signed({ jti: 7 }))).toBe('claims')
  })

  test('scopes: text or array, under both names; what is malformed grants nothing', async () => {
    const grants = async (claims: Record<string, unknown>): Promise<unknown> => {
      const result = await verifierOf().verify(signed({ scope: undefined, ...claims }))
      return result.ok ? result.principal.grants : result.reason
    }
    expect(await grants({ scope: ['mcp:tool:a', 'mcp:tool:b'] })).toEqual(['tool:a', 'tool:b'])
    expect(await grants({ scp: 'mcp:tool:a  mcp:tool:a x', scope: 'mcp:tool:b' })).toEqual(['tool:b', 'tool:a'])
    expect(await grants({ scp: ['mcp:tool:a b', 'mcp:tool:"', 7, 'mcp:prompt:p'] })).toEqual(['prompt:p'])
    expect(await grants({ scope: 'mcp:admin:x mcp:tool:a' })).toEqual(['tool:a'])
    for (const scope of [7, true, { 'mcp:tool:a': 1 }]) expect(await grants({ scope })).toBe('claims')
    for (const scope of [undefined, null, '', 'openid', [], 'mcp:'])
      expect(await grants({ scope })).toBe('insufficient_scope')
  })

  test('implied scopes count, to connect and to do', async () => {
    const implies = { admin: ['mcp:tool:*'] }
    const result = await verifierOf({ implies }).verify(signed({ scope: 'admin' }))
    expect(result).toMatchObject({ ok: true, principal: { grants: ['tool:*'], claims: { scopes: ['admin'] } } })
  })

  test('a token that is bound to a key is not a bearer token', async () => {
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}, null])
      expect(await reasonOf(signed({ cnf }))).toBe('sender_constrained')
  })

  test('a foreign issuer, also one whose keys are ours', async () => {
    for (const iss of ['https://elsewhere.example', `${local.issuer}/`, undefined, 7, [local.issuer], '__proto__']) {
      expect(await reasonOf(signed({ iss }))).toBe('issuer')
    }
    expect(local.requests).toEqual([])
  })

  test('a token of one configured issuer is not verified by the keys of another', async () => {
    const second = await startLocalIssuer()
    const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    second.keys = [jwkOf(thief.publicKey, { kid: 'ec' })]
    const issuers = [{ issuer: local.issuer }, { issuer: second.issuer }]
    expect(await reasonOf(makeJwt({ payload: second.claims(), key: thief.privateKey }), { issuers })).toBe('accepted')
    expect(await reasonOf(makeJwt({ payload: local.claims(), key: thief.privateKey }), { issuers })).toBe('signature')
    await second.stop()
  })
})

describe('floods', () => {
  test('sizes', async () => {
    expect(await reasonOf('x'.repeat(16_385))).toBe('malformed')
    expect(await reasonOf(signed({ padding: 'x'.repeat(13_000) }).slice(0, 16_385))).toBe('malformed')
    expect(await reasonOf(makeJwt({ payload: `{"a":${'['.repeat(4000)}${']'.repeat(4000)}}` }))).toBe('malformed')
    for (const odd of [undefined, null, 7, {}, []]) expect(await reasonOf(odd as unknown as string)).toBe('malformed')
  })

  test('10,000 tokens that are refused do not push out one that is good', async () => {
    const verifier = verifierOf({ cache: { maxEntries: 10, maxNegativeEntries: 10 } })
    const token = signed()
    const first = await verifier.verify(token)
    expect(first.ok).toBe(true)
    const [header, payload, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    for (let i = 0; i < 10_000; i++) {
      bytes.writeUInt32BE(i, 8)
      const bogus = i % 4 === 0 ? `${header}.${payload}.${base64url(bytes)}` : `made-up-${i}`
      expect((await verifier.verify(bogus)).ok).toBe(false)
    }
    expect(verifier.verify(token)).toBe(first)
  })

  test('made-up key ids make three more fetches, then one in ten seconds', async () => {
    const time = { ms: Date.now() }
    const verifier = verifierOf({ clock: () => time.ms })
    await verifier.verify(signed())
    local.requests.length = 0
    const flood = async (from: number, count: number, fetches: number): Promise<void> => {
      for (let i = from; i < from + count; i++) {
        const answer = Promise.resolve(verifier.verify(signed({}, { kid: `k${i}` })))
        if (i < from + fetches) expect(await answer).toEqual({ ok: false, reason: 'unknown_key' })
        // Nobody looked for this one: it may be a key that was published just now.
        else await expect(answer).rejects.toMatchObject({ code: 'ERR_OAUTH2_UNAVAILABLE', retryAfterMs: 10_000 })
      }
    }
    await flood(0, 400, 3)
    expect(local.requests).toEqual(['GET /jwks', 'GET /jwks', 'GET /jwks'])
    time.ms += 10_000
    await flood(400, 400, 1)
    expect(local.requests).toHaveLength(4)
  })

  test('a refused signature is remembered for its time only', async () => {
    const time = { ms: Date.now() }
    const verifier = verifierOf({ clock: () => time.ms, cache: { negativeMs: 1000 } })
    const token = makeJwt({ payload: local.claims(), header: { kid: 'rsa', alg: 'RS256' } })
    const first = await verifier.verify(token)
    expect(verifier.verify(token)).toBe(first)
    time.ms += 1000
    expect(verifier.verify(token)).toBeInstanceOf(Promise)
  })
})
