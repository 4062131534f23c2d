import { createPublicKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isCanonicalBase64url } from '../src/token/compact.ts'
import { readKeySet } from '../src/token/keys.ts'
import { isSignedBy } from '../src/token/signature.ts'
import { parseStrictObject } from '../src/token/strict-json.ts'

interface Group {
  readonly public?: Record<string, unknown>
  readonly private?: Record<string, unknown>
  readonly tests: readonly {
    readonly tcId: number
    readonly comment: string
    readonly jws: unknown
    readonly result: string
  }[]
}

const folder = join(
  process.env['PORTCULLIS_TEST_DATA'] ?? join(import.meta.dirname, '../../../../shared'),
  'vectors/auth',
)

/** A file of vectors, or undefined where there are none. Who names a folder means it; CI does. */
const read = <T>(name: string): T | undefined => {
  const file = join(folder, name)
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T
  if (process.env['PORTCULLIS_TEST_DATA'] !== undefined)
    throw new Error(`the vectors are missing: PORTCULLIS_TEST_DATA has no ${JSON.stringify(file)}`)
  console.warn(`\n\n*** NO VECTORS ${name}: only two built-in ones are tested. Set PORTCULLIS_TEST_DATA. ***\n\n`)
  return undefined
}
const load = (name: string): readonly Group[] =>
  read<{ testGroups: Group[] }>(`wycheproof/${name}.json`)?.testGroups ?? BUILT_IN

/** RFC 7515 appendix A.3, and the same with a changed signature. */
const JWS =
  'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
const BUILT_IN: readonly Group[] = [
  {
    public: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    tests: [
      { tcId: 1, comment: 'valid', jws: JWS, result: 'valid' },
      { tcId: 2, comment: 'modified', jws: JWS.replace('.DtEh', '.DtEi'), result: 'invalid' },
    ],
  },
]

/** The same form, key and signature checks that a token goes through. */
const accepts = async (jws: string, jwk: Record<string, unknown>): Promise<boolean> => {
  const parts = jws.split('.')
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) return false
  const { alg } = parseStrictObject(Buffer.from(parts[0] as string, 'base64url')) ?? {}
  if (typeof alg !== 'string') return false
  for (const key of readKeySet({ keys: Array.isArray(jwk['keys']) ? jwk['keys'] : [jwk] }, new Map()).values()) {
    const { publicKey } = key
    if (publicKey && key.algorithms.includes(alg) && (await isSignedBy(jws, alg, publicKey))) return true
  }
  return false
}

/** Why a vector that is called valid is refused. */
const explanation = (jwk: Record<string, unknown>, jws: unknown): string | undefined => {
  if (typeof jws !== 'string') return 'not in compact form'
  if (jwk['kty'] === 'oct') return 'symmetric keys verify nothing'
  if (jws.split('.')[1] === '') return 'a token without claims is none'
  const header = JSON.parse(Buffer.from(jws.split('.')[0] as string, 'base64url').toString()) as { alg: string }
  return header.alg === jwk['alg'] ? undefined : 'the key is for another algorithm'
}

test.each(['json_web_signature_test', 'json_web_key_test', 'json_web_crypto_test'])(
  'Wycheproof %s: nothing that is invalid is accepted, and what is valid is, or there is a reason',
  async (name) => {
    const wrong: string[] = []
    let right = 0
    for (const group of load(name)) {
      const jwk = group.public ?? group.private ?? {}
      for (const { tcId, comment, jws, result } of group.tests) {
        // Some are in the other serialization, which no access token has.
        const accepted = typeof jws === 'string' && (await accepts(jws, jwk))
        if (accepted === (result === 'valid') || (!accepted && explanation(jwk, jws) !== undefined)) right++
        else wrong.push(`${tcId} ${comment}: ${result}`)
      }
    }
    expect(wrong).toEqual([])
    expect(right).toBeGreaterThan(1)
  },
)

interface Raw {
  readonly publicKeyJwk?: Record<string, unknown>
  readonly publicKeyPem: string
  readonly tests: readonly { tcId: number; comment: string; msg: string; sig: string; result: string }[]
}

test.each([
  ['ecdsa_secp256r1_sha256_p1363_test', 'ES256'],
  ['ed25519_test', 'EdDSA'],
] as const)('Wycheproof %s: keys as we read them verify what they should and nothing else', async (name, algorithm) => {
  const wrong: string[] = []
  for (const group of read<{ testGroups: Raw[] }>(`wycheproof/${name}.json`)?.testGroups ?? []) {
    const { kid: _kid, ...jwk } = group.publicKeyJwk ?? createPublicKey(group.publicKeyPem).export({ format: 'jwk' })
    const [key] = readKeySet({ keys: [jwk] }, new Map()).values()
    for (const { tcId, comment, msg, sig, result } of group.tests) {
      // The signed bytes stand before the last dot of a token, whatever they are: here as characters of one byte each.
      const bytes = Buffer.from(msg, 'hex').toString('latin1')
      const text = `${bytes}.${Buffer.from(sig, 'hex').toString('base64url')}`
      const accepted = key?.publicKey !== undefined && (await isSignedBy(text, algorithm, key.publicKey))
      if (accepted !== (result === 'valid')) wrong.push(`${tcId} ${comment}: ${result}`)
    }
  }
  expect(wrong).toEqual([])
})

interface Recipe {
  readonly input: { readonly key: Record<string, unknown> }
  readonly output: { readonly compact?: string }
}

test.each([
  ['4_1.rsa_v15_signature', true],
  ['4_2.rsa-pss_signature', true],
  // P-521 with its own curve's hash.
  ['4_3.ecdsa_signature', true],
  ['4_4.hmac-sha2_integrity_protection', false],
  ['4_5.signature_with_detached_content', false],
])('RFC 7520 %s: accepted is %s', async (name, good) => {
  const recipe = read<Recipe>(`jose-cookbook/${name}.json`)
  if (recipe === undefined) return
  expect(await accepts(recipe.output.compact ?? '', recipe.input.key)).toBe(good)
})
