import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTokenVerifier, type TokenVerifier } from '../src/index.ts'
import { type LocalIssuer, makeJwt, resource, startLocalIssuer } from './local-issuer.ts'

const runs = process.env['PORTCULLIS_LONG'] === '1' ? 100_000 : 1000

let local: LocalIssuer
let verifier: TokenVerifier
let token: string
beforeAll(async () => {
  local = await startLocalIssuer()
  verifier = createTokenVerifier({ resource, issuers: [{ issuer: local.issuer }] })
  token = makeJwt({ payload: local.claims() })
})
afterAll(async () => {
  verifier.close()
  await local.stop()
})

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é'
/** One edit of a text: characters taken out, put in or changed. */
const edit = fc.record({
  at: fc.nat(600),
  remove: fc.integer({ min: 0, max: 3 }),
  insert: fc.string({ unit: fc.constantFrom(...letters), maxLength: 3 }),
})

test(`of a good token, ${runs} times edited, no other text is accepted`, {
  timeout: 600_000,
}, async () => {
  expect((await verifier.verify(token)).ok).toBe(true)
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      let text = token
      for (const { at, remove, insert } of edits) {
        const start = at % (text.length + 1)
        text = text.slice(0, start) + insert + text.slice(start + remove)
      }
      fc.pre(text !== token)
      // An edit may name a key that nobody has; when those were looked for often enough, that is an outage.
      const ok = await Promise.resolve(verifier.verify(text)).then(
        (result) => result.ok,
        (error: { code?: string }) => error.code !== 'ERR_OAUTH2_UNAVAILABLE',
      )
      expect(ok).toBe(false)
    }),
    { numRuns: runs },
  )
  // Made-up ids of keys are the only thing that an edit could make somebody ask for.
  expect(new Set(local.requests)).toEqual(new Set(['GET /.well-known/oauth-authorization-server', 'GET /jwks']))
})

test('whatever is shown as a token is refused, and nothing is thrown', async () => {
  const anything = fc.oneof(fc.string({ maxLength: 200 }), fc.anything()) as fc.Arbitrary<unknown>
  const context = fc.option(
    fc.record({ address: fc.anything(), scheme: fc.anything(), dpop: fc.anything() }, { requiredKeys: [] }),
  )
  await fc.assert(
    fc.asyncProperty(anything, context, async (text, given) => {
      expect((await verifier.verify(text as string, given as never)).ok).toBe(false)
      // A good token stays one whatever stands beside it, unless it is shown in another way.
      const shown = (given as { scheme?: unknown } | null)?.scheme
      expect((await verifier.verify(token, given as never)).ok).toBe(shown !== 'dpop')
    }),
    { numRuns: 500 },
  )
})
