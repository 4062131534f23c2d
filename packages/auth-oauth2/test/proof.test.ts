import { randomBytes } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { expect, test } from 'vitest'
import { createTokenVerifier, memoryReplayStore } from '../src/index.ts'
import { createNonces } from '../src/proof/nonce.ts'
import { targetUri } from '../src/proof/target-uri.ts'
import { publicJwk, thumbprintOf } from '../src/proof/thumbprint.ts'
import { ec, ed, jwkOf, rsa } from './local-issuer.ts'

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
