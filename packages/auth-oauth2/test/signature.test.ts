import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { compactVerify, CompactSign, importJWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { isCanonicalBase64url } from '../src/token/compact.ts'
import { ALGORITHMS } from '../src/token/keys.ts'
import { importPublicKey, isSignedBy } from '../src/token/signature.ts'

const pairs = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}
type Kind = keyof typeof pairs
const kindOf = (algorithm: string): Kind =>
  /^[RP]S/.test(algorithm) ? 'RSA' : algorithm.startsWith('Ed') ? 'EdDSA' : (algorithm as Kind)

const made = new Map<Kind, ReturnType<(typeof pairs)[Kind]>>()
beforeAll(() => {
  for (const [kind, make] of Object.entries(pairs)) made.set(kind as Kind, make())
})
const keyOf = (algorithm: string) => made.get(kindOf(algorithm)) as ReturnType<(typeof pairs)[Kind]>
const signed = (algorithm: string, payload: Uint8Array) =>
  new CompactSign(payload).setProtectedHeader({ alg: algorithm }).sign(keyOf(algorithm).privateKey)

/** The first four of a turn are verified in another way than the others. */
const bothWays = async (
  text: string,
  algorithm: string,
  key = keyOf(algorithm).publicKey,
): Promise<readonly boolean[]> => {
  await new Promise((resolve) => setImmediate(resolve))
  const [first, , , , fifth] = Array.from({ length: 5 }, () => isSignedBy(text, algorithm, key))
  return Promise.all([first as boolean, fifth as Promise<boolean>])
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  test('what jose signs is signed, by this key and this algorithm alone', async () => {
    const text = await signed(algorithm, randomBytes(40))
    expect(await bothWays(text, algorithm)).toEqual([true, true])
    const other = pairs[kindOf(algorithm)]().publicKey
    expect(await bothWays(text, algorithm, other)).toEqual([false, false])
    for (const wrong of ALGORITHMS) {
      if (kindOf(wrong) !== kindOf(algorithm) || wrong === algorithm || kindOf(wrong) === 'EdDSA') continue
      expect(await bothWays(text, wrong), wrong).toEqual([false, false])
    }
  })

  test('whatever is done to the text, the answer is that of jose', async () => {
    const key = await importJWK(
      { ...keyOf(algorithm).publicKey.export({ format: 'jwk' }), alg: algorithm } as never,
      algorithm,
    )
    const text = await signed(algorithm, randomBytes(20))
    const sign = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const edit = fc.record({
      at: fc.nat(text.length - 1),
      to: fc.constantFrom(...sign),
      cut: fc.integer({ min: 0, max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, to, cut }) => {
        const edited = `${text.slice(0, at)}${to}${text.slice(at + 1, text.length - cut)}`
        // What comes here is in canonical form, and jose reads other forms too.
        fc.pre(edited.split('.').length === 3 && edited.split('.').every(isCanonicalBase64url))
        const theirs = await compactVerify(edited, key, { algorithms: [algorithm] }).then(
          () => true,
          () => false,
        )
        expect(await bothWays(edited, algorithm)).toEqual([theirs, theirs])
      }),
      { numRuns: 60 },
    )
  })
})

test('an algorithm that nobody knows signs nothing, nor does a key of another kind', async () => {
  const text = await signed('ES256', randomBytes(8))
  expect(await bothWays(text, 'HS256', keyOf('ES256').publicKey)).toEqual([false, false])
  expect(await bothWays(text, 'ES256', keyOf('RS256').publicKey)).toEqual([false, false])
  expect(await bothWays(text, 'RS256', keyOf('ES256').publicKey)).toEqual([false, false])
})

test('what is no key is none', () => {
  const jwk = keyOf('ES256').publicKey.export({ format: 'jwk' })
  expect(importPublicKey({ ...jwk })?.equals(createPublicKey({ key: jwk, format: 'jwk' }))).toBe(true)
  for (const odd of [{}, { ...jwk, x: 'AAAA' }, { ...jwk, y: undefined }, { kty: 'oct', k: 'AA' }]) {
    expect(importPublicKey(odd)).toBeUndefined()
  }
})
