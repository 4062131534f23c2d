import { generateKeyPairSync, hash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { expect, test } from 'vitest'
import { createTokenVerifier, memoryReplayStore } from '../src/index.ts'
import { createNonces } from '../src/proof/nonce.ts'
import { targetUri } from '../src/proof/target-uri.ts'
import { publicJwk, thumbprintOf } from '../src/proof/thumbprint.ts'
import { ec, ed, jwkOf, makeJwt, rsa } from './local-issuer.ts'

const use = (nth: number, owner = 'key', expiresAtMs = 1000) => ({ owner, id: `${owner} ${nth}`, expiresAtMs })

test('thumbprints are those of RFC 7638', async () => {
  for (const { publicKey } of [ec, rsa, ed]) {
    const jwk = jwkOf(publicKey, { kid: 'x', use: 'sig' })
    const own = publicJwk(jwk)
    expect(own && thumbprintOf(own)).toBe(await calculateJwkThumbprint(jwk as never))
  }
  // Section 3.1's example.
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
  expect(thumbprintOf({ e: 'AQAB', kty: 'RSA', n })).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

test('a key with anything private in it is none', () => {
  expect(publicJwk(ec.privateKey.export({ format: 'jwk' }))).toBeUndefined()
  for (const jwk of [
    null,
    [],
    'x',
    { kty: 'oct', k: 'x' },
    { kty: 'EC', crv: 'P-256', x: 1, y: 'x' },
    { kty: 'toString' },
  ]) {
    expect(publicJwk(jwk)).toBeUndefined()
  }
})

test('request URIs are compared without query and fragment, and by what they mean', () => {
  const same = [
    'https://a.example/x~y',
    'HTTPS://A.EXAMPLE:443/x%7Ey?q#f',
    'https://a.example/./x%7ey',
    'https://a.example/b/../x~y',
  ]
  expect(new Set(same.map(targetUri))).toEqual(new Set(['https://a.example/x~y']))
  expect(targetUri('https://a.example/%2f')).toBe('https://a.example/%2F')
  expect(targetUri('https://a.example')).toBe(targetUri('https://a.example/'))
  for (const text of ['x', '/x', 'ftp://a.example/', 'https://u@a.example/', ' https://a.example/', 7, undefined]) {
    expect(targetUri(text)).toBeUndefined()
  }
})

test('a proof is used once, until it is refused anyway', () => {
  let now = 0
  const store = memoryReplayStore({ clock: () => now })
  expect([store.claim(use(1)), store.claim(use(1)), store.claim(use(2))]).toEqual([true, false, true])
  now = 1000
  expect(store.claim(use(1, 'key', 2000))).toBe(true)
})

test('a full store refuses instead of forgetting, and one key does not fill it', () => {
  let now = 0
  const store = memoryReplayStore({ maxEntries: 10_000, clock: () => now })
  for (let nth = 0; nth < 1000; nth++) expect(store.claim(use(nth, 'greedy'))).toBe(true)
  const outage = expect.objectContaining({ code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable' })
  expect(() => store.claim(use(1000, 'greedy'))).toThrow(outage)
  for (let owner = 0; owner < 9; owner++) for (let nth = 0; nth < 1000; nth++) store.claim(use(nth, `other ${owner}`))
  expect(() => store.claim(use(1, 'the last'))).toThrow(outage)
  now = 1000
  expect(store.claim(use(1, 'the last', 2000))).toBe(true)
})

test('nonces are known again for a while, by every process that has the secret', () => {
  let now = 1_800_000_000_000
  const [old, next] = [randomBytes(32), randomBytes(32)]
  const one = createNonces([old], 300_000, () => now)
  const other = createNonces([next, old], 300_000, () => now)
  const nonce = one.current()
  expect(one.current()).toBe(nonce)
  expect([one.accepts(nonce), other.accepts(nonce), one.accepts(other.current())]).toEqual([true, true, false])
  now += 75_000
  expect(one.current()).not.toBe(nonce)
  now += 225_000
  expect(one.accepts(nonce)).toBe(true)
  now += 75_001
  expect(one.accepts(nonce)).toBe(false)
  now -= 1_000_000
  expect(one.accepts(one.current())).toBe(true)
})

test('settings of proofs that make no sense are refused', () => {
  const make = (dpop: object) => () =>
    createTokenVerifier({ resource: 'https://a.example', issuers: [{ issuer: 'https://id.example' }], dpop })
  const odd = [
    { mode: 'on' },
    { algorithms: ['HS256'] },
    { algorithms: [] },
    { maxAgeSec: 0 },
    { maxAgeSec: 601 },
    { replay: {} },
    { nonce: { secrets: [new Uint8Array(31)] } },
    { nonce: { secrets: 'secret' } },
    { nonce: { more: 1 } },
    { unknown: 1 },
  ]
  for (const dpop of odd)
    expect(make(dpop), JSON.stringify(dpop)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
  expect(make({ nonce: {} })().dpopNonce()).toMatch(/^[\w-]{30}$/)
  expect(make({})().dpopNonce()).toBeUndefined()
})

const issuer = 'https://id.example'
const resourceUri = 'https://mcp.example/mcp'
const atSec = 1_800_000_000
const boundToken = (jkt: string, more: object = {}) =>
  makeJwt({
    payload: {
      iss: issuer,
      aud: resourceUri,
      sub: 'a',
      iat: atSec,
      exp: atSec + 600,
      scope: 'mcp:tool:x',
      cnf: { jkt, ...more },
    },
  })
const ownKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ownJwk = publicJwk(jwkOf(ownKey.publicKey, {})) as Record<string, string>
const proofOf = (token: string, iat = atSec) =>
  makeJwt({
    key: ownKey.privateKey,
    header: { typ: 'dpop+jwt', kid: undefined, jwk: ownJwk },
    payload: { jti: 'one', htm: 'POST', htu: resourceUri, iat, ath: hash('sha256', token, 'base64url') },
  })
const verifierAt = (clock: () => number, more: object = {}) =>
  createTokenVerifier({
    resource: resourceUri,
    issuers: [{ issuer, endpoints: { jwks: `${issuer}/jwks` } }],
    fetch: async () => Response.json({ keys: [jwkOf(ec.publicKey, { kid: 'ec' })] }),
    clock,
    ...more,
  })

test('a proof that ends while it is looked at is not taken, and one that was taken is remembered beyond its end', async () => {
  const time = { ms: atSec * 1000 }
  const remembered: number[] = []
  const replay = {
    claim: ({ expiresAtMs }: { expiresAtMs: number }) => {
      remembered.push(expiresAtMs)
      time.ms += 10_000
      return true
    },
  }
  const verifier = verifierAt(() => time.ms, { dpop: { replay, maxAgeSec: 60 } })
  const token = boundToken(thumbprintOf(ownJwk))
  const context = { scheme: 'dpop', dpop: { proof: proofOf(token), method: 'POST', url: resourceUri } } as const
  time.ms += 50_000
  expect(await verifier.verify(token, context)).toMatchObject({ ok: true })
  time.ms = (atSec + 64) * 1000
  expect(await verifier.verify(token, context)).toEqual({ ok: false, reason: 'proof' })
  // Clocks of two servers may differ by the tolerance each.
  expect(remembered[0]).toBeGreaterThanOrEqual((atSec + 60 + 5 + 10) * 1000)
})

test('a token that is bound to a key and a certificate needs both', async () => {
  const certificate = randomBytes(300)
  const x5t = hash('sha256', certificate, 'base64url')
  const token = boundToken(thumbprintOf(ownJwk), { 'x5t#S256': x5t })
  const shown = { scheme: 'dpop', dpop: { proof: proofOf(token), method: 'POST', url: resourceUri } } as const
  const verifier = verifierAt(() => atSec * 1000)
  expect(await verifier.verify(token, shown)).toEqual({ ok: false, reason: 'certificate' })
  expect(await verifier.verify(token, { ...shown, proven: true })).toEqual({ ok: false, reason: 'certificate' })
  expect(await verifier.verify(token, { ...shown, clientCertificate: certificate })).toMatchObject({ ok: true })
})

test('settings of the store that make no sense are refused, and no key has more than a tenth of it', () => {
  const invalid = expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' })
  for (const odd of [{ maxEntries: Number.NaN }, { maxEntries: 99 }, { entries: 1 }, { clock: 1 }]) {
    expect(() => memoryReplayStore(odd as never)).toThrow(invalid)
  }
  const store = memoryReplayStore({ maxEntries: 200, clock: () => 0 })
  for (let nth = 0; nth < 20; nth++) expect(store.claim(use(nth))).toBe(true)
  expect(() => store.claim(use(20))).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_UNAVAILABLE' }))
  expect(store.claim(use(1, 'another'))).toBe(true)
})
