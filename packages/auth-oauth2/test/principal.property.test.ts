import fc from 'fast-check'
import { expect, test } from 'vitest'
import { principalIdOf } from '../src/verifier/principal.ts'
import type { TokenClaims } from '../src/types.ts'

test('ids are injective over issuer and subject or client, and the two never meet', () => {
  const part = fc.string({
    unit: fc.constantFrom(':', '%', '3', 'A', 's', 'u', 'b', '/', 'é'),
    minLength: 1,
    maxLength: 5,
  })
  const who = fc.record({ issuer: part, subject: fc.option(part, { nil: undefined }), clientId: part })
  const identity = ({
    issuer,
    subject,
    clientId,
  }: {
    issuer: string
    subject: string | undefined
    clientId: string
  }): string => JSON.stringify(subject === undefined ? [issuer, 'client', clientId] : [issuer, 'sub', subject])
  fc.assert(
    fc.property(who, who, (one, other) => {
      const [a, b] = [one, other].map((claims) => principalIdOf({ ...claims, scopes: [] } as unknown as TokenClaims))
      expect(a === b).toBe(identity(one) === identity(other))
    }),
    { numRuns: 1000 },
  )
})
