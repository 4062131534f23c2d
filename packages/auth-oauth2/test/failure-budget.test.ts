import { expect, test } from 'vitest'
import { createTokenVerifier } from '../src/index.ts'
import { createFailureBudget } from '../src/verifier/failure-budget.ts'
import { makeJwt, resource, startLocalIssuer } from './local-issuer.ts'

test('debts grow by failures and shrink with time; addresses of one /64 share one', () => {
  let now = 0
  const budget = createFailureBudget(10, 2, () => now)
  for (let nth = 0; nth < 10; nth++) {
    budget.admit(`2001:db8::${nth}`)
    budget.failed(`2001:db8::${nth}`)
  }
  expect(() => budget.admit('2001:db8::ffff')).toThrow(
    expect.objectContaining({ code: 'ERR_OAUTH2_UNAVAILABLE', retryAfterMs: 500 }),
  )
  budget.admit('2001:db8:0:1::1')
  budget.admit(undefined)
  now = 500
  budget.admit('2001:db8::1')
  now = 100_000
  budget.failed('2001:db8::1')
  for (let nth = 0; nth < 9; nth++) {
    budget.admit('2001:db8::1')
    budget.failed('2001:db8::1')
  }
})

test('the memory of debts is bounded', () => {
  const budget = createFailureBudget(1, 1, () => 0)
  for (let nth = 0; nth < 20_000; nth++) budget.failed(`10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`)
  expect(budget.callers).toBe(10_000)
})

test('a flood of forged tokens is put off; verified ones, and other callers, are not', async () => {
  const local = await startLocalIssuer()
  const verifier = createTokenVerifier({
    resource,
    issuers: [{ issuer: local.issuer }],
    failureBudget: { burst: 5, perSecond: 1 },
    clock: () => 1_800_000_000_000,
  })
  const claims = local.claims({ iat: 1_799_999_999, exp: 1_800_000_600 })
  const good = makeJwt({ payload: claims })
  const fresh = (nth: number) => makeJwt({ payload: { ...claims, jti: `t${nth}` } })
  const forged = (nth: number) => `${fresh(nth).slice(0, -8)}AAAAAAAA`
  const flood = { address: '203.0.113.9' }
  expect((await verifier.verify(good, flood)).ok).toBe(true)
  for (let nth = 0; nth < 5; nth++)
    expect(await verifier.verify(forged(nth), flood)).toMatchObject({ reason: 'signature' })
  const outage = { code: 'ERR_OAUTH2_UNAVAILABLE', retryAfterMs: 1000 }
  await expect(verifier.verify(forged(9), flood)).rejects.toMatchObject(outage)
  await expect(verifier.verify(fresh(10), flood)).rejects.toMatchObject(outage)
  expect(verifier.verify(good, flood)).toMatchObject({ ok: true })
  expect(await verifier.verify(fresh(10), { address: '203.0.113.10' })).toMatchObject({ ok: true })
  verifier.close()
  await local.stop()
})

test('tokens without a key id, and with made-up ones, are no way around it', async () => {
  for (const kid of [() => undefined, (nth: number) => `made-up-${nth}`]) {
    const local = await startLocalIssuer()
    let now = Date.now()
    const verifier = createTokenVerifier({
      resource,
      issuers: [{ issuer: local.issuer }],
      failureBudget: { burst: 20, perSecond: 1 },
      clock: () => now,
    })
    const address = '203.0.113.9'
    const reasons: Record<string, number> = {}
    const iat = Math.floor(now / 1000)
    for (let nth = 0; nth < 60; nth++) {
      const payload = local.claims({ jti: `t${nth}`, iat, exp: iat + 600 })
      const token = `${makeJwt({ header: { kid: kid(nth) }, payload }).slice(0, -8)}AAAAAAAA`
      const why = await Promise.resolve(verifier.verify(token, { address })).then(
        (result) => (result.ok ? 'accepted' : result.reason),
        (error: Error) => (error.message.includes('of one address') ? 'put off' : 'outage'),
      )
      reasons[why] = (reasons[why] ?? 0) + 1
    }
    expect(reasons['accepted']).toBeUndefined()
    expect(reasons['put off']).toBeGreaterThan(30)
    now += 1
    verifier.close()
    await local.stop()
  }
})
