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
    readonly jws: string
    readonly result: string
  }[]
}

const load = (): readonly Group[] => {
  const named = process.env['PORTCULLIS_TEST_DATA']
  const folder = join(named ?? join(import.meta.dirname, '../../../../shared'), 'vectors/auth/wycheproof')
  const file = join(folder, 'json_web_signature_test.json')
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { testGroups: Group[] }).testGroups
  // Who names a folder means it; CI does.
  if (named !== undefined)
    throw new Error(`the vectors are missing: PORTCULLIS_TEST_DATA has no ${JSON.stringify(folder)}`)
  console.warn('\n\n*** NO WYCHEPROOF VECTORS: only two built-in ones are tested. Set PORTCULLIS_TEST_DATA. ***\n\n')
  return BUILT_IN
}

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
  for (const key of readKeySet({ keys: [jwk] }, new Map()).values()) {
    if (key.algorithms.includes(alg) && (await isSignedBy(jws, alg, key))) return true
  }
  return false
}

/** Why a vector that is called valid is refused. */
const explanation = (jwk: Record<string, unknown>, jws: string): string | undefined => {
  if (jwk['kty'] === 'oct') return 'symmetric keys verify nothing'
  if (jws.split('.')[1] === '') return 'a token without claims is none'
  const header = JSON.parse(Buffer.from(jws.split('.')[0] as string, 'base64url').toString()) as { alg: string }
  return header.alg === jwk['alg'] ? undefined : 'the key is for another algorithm'
}

test('the vectors of Wycheproof: nothing that is invalid is accepted, and what is valid is, or there is a reason', async () => {
  const wrong: string[] = []
  let right = 0
  for (const group of load()) {
    const jwk = group.public ?? group.private ?? {}
    for (const { tcId, comment, jws, result } of group.tests) {
      const accepted = await accepts(jws, jwk)
      if (accepted === (result === 'valid') || (!accepted && explanation(jwk, jws) !== undefined)) right++
      else wrong.push(`${tcId} ${comment}: ${result}`)
    }
  }
  expect(wrong).toEqual([])
  expect(right).toBeGreaterThan(1)
})
