import { createPolicy, type Principal } from '@portcullis/authz'
import { describe, expect, it } from 'vitest'
import { createGuard } from '../src/create-guard.ts'
import type { GuardOptions } from '../src/options.ts'
import type { Exchange, Pass } from '../src/exchange.ts'
import type { AuditEvent, Finding, LimitResult } from '../src/ports.ts'

const person = (grants: readonly string[], method = 'api_key'): Principal => ({
  id: `${method}:p`,
  method,
  grants,
  authenticatedAtMs: 0,
})
const exchange = (grants: readonly string[]): Exchange => ({
  principal: person(grants),
  transport: 'http',
  revision: '2025-11-25',
})
const tool = (name: unknown, args?: unknown) => ({
  jsonrpc: '2.0' as const,
  id: 1,
  method: 'tools/call',
  params: { name, ...(args === undefined ? {} : { arguments: args }) } as Record<string, unknown>,
})

const finding = (enforced: boolean): Finding => ({ ruleId: 'test.rule', pointer: '/a', message: 'seen', enforced })
const allowed: LimitResult = {
  allowed: true,
  limit: 10,
  remaining: 9,
  resetMs: 1000,
  retryAfterMs: 0,
  policy: 'api_key',
}

const make = (options: Partial<GuardOptions> = {}) => {
  const steps: string[] = []
  const events: AuditEvent[] = []
  const guard = createGuard({
    authenticate: {
      apiKeys: {
        verify: (text) => (text === 'good' ? { ok: true, principal: person(['*']) } : { ok: false, reason: 'unknown' }),
      },
    },
    policy: createPolicy(),
    limiter: {
      check: (key, { cost, limits }) => {
        steps.push(`limit ${key} ${cost} ${limits?.join('+')}`)
        return allowed
      },
    },
    validator: {
      checkText: () => [],
      checkCall: ({ tool: name }) => {
        steps.push(`validate ${name}`)
        return []
      },
    },
    audit: {
      record: async (event) => {
        steps.push(`audit ${event.type} ${event['allowed'] ?? ''}`.trim())
        events.push(event)
      },
    },
    ...options,
  })
  return { guard, steps, events }
}

describe('check', () => {
  it('authorizes, validates, counts and audits, in this order', async () => {
    const { guard, steps } = make()
    expect((await guard.check(exchange(['*']), tool('echo', { a: 1 }))).ok).toBe(true)
    expect(steps).toEqual(['validate echo', 'limit api_key:p 1 api_key', 'audit decision true'])
  })

  it('does not validate what is not allowed, counts it all the same, and audits the refusal', async () => {
    const { guard, steps, events } = make()
    expect(await guard.check(exchange(['other']), tool('echo'))).toMatchObject({ ok: false, status: 403 })
    expect(steps).toEqual(['limit api_key:p 1 api_key', 'audit decision false'])
    expect(events[0]).toMatchObject({
      principal: 'api_key:p',
      method: 'tools/call',
      kind: 'tool',
      server: 'local',
      name: 'echo',
      reason: 'no_grant',
    })
  })

  it('never writes arguments to the audit log', async () => {
    const { guard, events } = make()
    const verdict = (await guard.check(exchange(['*']), tool('echo', { password: 'hunter2' }))) as Pass
    guard.settle(exchange(['*']), verdict, {
      jsonrpc: '2.0',
      id: 1,
      result: { content: [{ type: 'text', text: 'hunter2' }] },
    })
    await guard.close()
    expect(JSON.stringify(events)).not.toContain('hunter2')
    expect(events.map(({ type }) => type)).toEqual(['decision', 'outcome'])
    expect(events[1]?.['call']).toBe(events[0]?.['call'])
  })

  it('answers enforced findings as a tool result for tools and as an error elsewhere; others pass', async () => {
    const refusing = make({ validator: { checkText: () => [], checkCall: () => [finding(true)] } }).guard
    expect(await refusing.check(exchange(['*']), tool('echo'))).toMatchObject({
      ok: false,
      status: 200,
      asToolResult: true,
    })
    const prompt = { jsonrpc: '2.0' as const, id: 1, method: 'prompts/get', params: { name: 'p' } }
    expect(await refusing.check(exchange(['*']), prompt)).toMatchObject({
      ok: false,
      rpcCode: -32602,
      asToolResult: false,
    })
    const { guard, events } = make({ validator: { checkText: () => [], checkCall: () => [finding(false)] } })
    expect((await guard.check(exchange(['*']), tool('echo'))).ok).toBe(true)
    expect(events[0]?.['findings']).toEqual([{ ruleId: 'test.rule', pointer: '/a', enforced: false }])
  })

  it.each([
    [{ name: 1 }, 'name'],
    [{}, 'name'],
    [{ name: 'echo', arguments: [] }, 'arguments'],
    [{ name: 'echo', arguments: 'x' }, 'arguments'],
  ])('refuses params %j', async (params, word) => {
    const verdict = await make().guard.check(exchange(['*']), { jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    expect(verdict).toMatchObject({ ok: false, rpcCode: -32602, message: expect.stringContaining(word) })
  })

  it('holds argument rules against validated arguments', async () => {
    const { guard } = make({
      policy: createPolicy({ rules: [{ match: 'tool:create', arguments: { repo: ['sandbox-*'] } }] }),
    })
    const ok = async (args: unknown) => (await guard.check(exchange(['*']), tool('create', args))).ok
    expect(await ok({ repo: 'sandbox-1' })).toBe(true)
    for (const args of [
      { repo: 'production' },
      {},
      undefined,
      { repo: 7 },
      { repo: ['sandbox-1', 'production'] },
      { repo: null },
    ]) {
      expect(await ok(args), JSON.stringify(args)).toBe(false)
    }
  })

  it('charges the weight and the limits of rules together with the principal', async () => {
    const policy = createPolicy({ rules: [{ match: 'tool:create', cost: 5, limit: { requests: 10, windowMs: 1000 } }] })
    const { guard, steps } = make({ policy })
    await guard.check(exchange(['*']), tool('create'))
    expect(steps[1]).toBe(`limit api_key:p 5 api_key+${policy.limits[0]?.name}`)
  })

  it('counts whoever was issued a credential as the one who issued it', async () => {
    const { guard, steps } = make()
    const root = { ...person(['*']), id: 'api_key:root' }
    const child = { ...person(['*']), id: 'api_key:child', delegatedBy: root }
    const principal = { ...person(['*']), id: 'api_key:grandchild', delegatedBy: child }
    await guard.check({ ...exchange(['*']), principal }, tool('echo'))
    expect(steps).toContain('limit api_key:root 1 api_key')
  })

  it('asks a limiter no more about who is known to be over the limit', async () => {
    let asked = 0
    const refused: LimitResult = { ...allowed, allowed: false, remaining: 0, retryAfterMs: 60_000 }
    const { guard, events } = make({ limiter: { check: () => (asked++, refused) } })
    for (let time = 0; time < 3; time++)
      expect(await guard.check(exchange(['*']), tool('echo'))).toMatchObject({ status: 429 })
    expect(asked).toBe(1)
    await guard.close()
    // The first of them is a line of its own, those that follow are added up.
    expect(events.map(({ type, count }) => [type, count])).toEqual([
      ['decision', undefined],
      ['refused', 2],
    ])
    expect(guard.overLimit(person(['*']))).toMatchObject({ status: 429 })
    expect(await guard.check(exchange(['*']), { jsonrpc: '2.0', id: 1, method: 'ping' })).toMatchObject({ ok: true })
  })

  it('charges the caller for what only a rule refuses, and leaves other tools free', async () => {
    const policy = createPolicy({ rules: [{ match: 'tool:create', limit: { requests: 1, windowMs: 1000 } }] })
    const rule = policy.limits[0]?.name as string
    const asked: (readonly string[] | undefined)[] = []
    const { guard, events } = make({
      policy,
      limiter: {
        check: (_, { limits }) => {
          asked.push(limits)
          return limits?.includes(rule) === true
            ? { ...allowed, allowed: false, policy: rule, retryAfterMs: 60_000 }
            : allowed
        },
      },
    })
    for (let time = 0; time < 3; time++) {
      expect(await guard.check(exchange(['*']), tool('create'))).toMatchObject({ status: 429, limit: { policy: rule } })
    }
    expect((await guard.check(exchange(['*']), tool('echo'))).ok).toBe(true)
    expect(asked).toEqual([['api_key', rule], ['api_key'], ['api_key'], ['api_key'], ['api_key']])
    await guard.close()
    expect(events.map(({ type }) => type)).toEqual(['decision', 'decision', 'refused'])
  })

  it('counts what a known caller sends that is no request', async () => {
    let left = 2
    const limiter = { check: () => ({ ...allowed, allowed: left-- > 0, retryAfterMs: 1000 }) }
    const { guard } = make({ limiter })
    const refusal = { ok: false as const, status: 400, code: 'PORTCULLIS_BAD_REQUEST' as const, message: 'no' }
    const statuses: number[] = []
    for (let time = 0; time < 4; time++) statuses.push((await guard.misused(person(['*']), undefined, refusal)).status)
    expect(statuses).toEqual([400, 400, 429, 429])
  })

  it.each([
    ['policy', { policy: { decide: () => fail(), allowsTemplate: () => fail() } }, 500],
    ['validator', { validator: { checkText: () => [], checkCall: () => fail() } }, 500],
    ['limiter', { limiter: { check: () => fail('unavailable') } }, 503],
    ['audit', { audit: { record: () => Promise.reject(new Error('full')) } }, 503],
  ])('fails closed when the %s fails', async (_, options, status) => {
    expect(await make(options as Partial<GuardOptions>).guard.check(exchange(['*']), tool('echo'))).toMatchObject({
      ok: false,
      status,
    })
  })

  it('goes on without an audit log only where it is told to', async () => {
    const audit = { record: () => Promise.reject(new Error('full')) }
    expect((await make({ audit, onAuditFailure: 'continue' }).guard.check(exchange(['*']), tool('echo'))).ok).toBe(true)
  })

  it('does not tell a reserved limit from a refusal when told to answer in results', async () => {
    const { guard } = make({ refusals: 'result' })
    expect(await guard.check(exchange([]), tool('echo'))).toMatchObject({
      status: 200,
      asToolResult: true,
      code: 'PORTCULLIS_FORBIDDEN',
    })
    expect(
      await guard.check(exchange([]), { jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'x' } }),
    ).toMatchObject({ status: 403 })
  })
})

const fail = (fault?: string): never => {
  throw Object.assign(new Error('broken'), fault === undefined ? {} : { fault })
}

describe('settle', () => {
  const settle = async (grants: readonly string[], method: string, result: unknown) => {
    const { guard } = make()
    const here = exchange(grants)
    const pass = (await guard.check(here, { jsonrpc: '2.0', id: 1, method })) as Pass
    return guard.settle(here, pass, { jsonrpc: '2.0', id: 1, result }).result as Record<string, unknown[]>
  }

  it('lists what the principal may call, read and get', async () => {
    const tools = [{ name: 'get_a' }, { name: 'get_b' }, { name: 'set_a' }]
    expect((await settle(['get_*', '!get_b'], 'tools/list', { tools }))['tools']).toEqual([{ name: 'get_a' }])
    expect(
      (await settle(['prompt:x'], 'prompts/list', { prompts: [{ name: 'x' }, { name: 'y' }] }))['prompts'],
    ).toEqual([{ name: 'x' }])
    const resources = [{ uri: 'file:///a/1' }, { uri: 'file:///b/1' }, { uri: 'file:///a/../b' }, { uri: 7 }]
    expect((await settle(['resource:file:///a/*'], 'resources/list', { resources }))['resources']).toEqual([
      { uri: 'file:///a/1' },
    ])
    const resourceTemplates = [{ uriTemplate: 'file:///a/{x}' }, { uriTemplate: 'file:///b/{x}' }]
    expect(
      (await settle(['resource:file:///a/*'], 'resources/templates/list', { resourceTemplates }))['resourceTemplates'],
    ).toHaveLength(1)
  })

  it('keeps what else a result holds, and makes nothing of a list in a strange shape', async () => {
    expect(await settle(['a'], 'tools/list', { tools: [{ name: 'b' }], nextCursor: 'n' })).toEqual({
      tools: [],
      nextCursor: 'n',
    })
    expect(await settle(['a'], 'tools/list', { tools: { name: 'a' } })).toEqual({ tools: [] })
    expect(await settle(['*'], 'tools/list', { tools: [null, 'x', { name: 1 }, { name: 'a' }] })).toEqual({
      tools: [{ name: 'a' }],
    })
  })

  it('withholds results that are outside the limits', async () => {
    const { guard } = make({
      validator: { checkText: () => [], checkCall: () => [], checkResult: () => [finding(true)] },
    })
    const pass = (await guard.check(exchange(['*']), tool('echo'))) as Pass
    const { result } = guard.settle(exchange(['*']), pass, { jsonrpc: '2.0', id: 1, result: { content: 'much' } })
    expect(result).toMatchObject({ isError: true })
    expect(JSON.stringify(result)).not.toContain('much')
  })
})

describe('open', () => {
  const key = (text: string) => ({
    transport: 'http' as const,
    address: '192.0.2.1',
    credential: { source: 'api_key' as const, text },
  })

  it('knows keys, and adds up refusals by reason and address', async () => {
    const { guard, events } = make()
    expect(await guard.open(key('good'))).toMatchObject({ ok: true })
    for (let time = 0; time < 50; time++) expect(await guard.open(key('bad'))).toMatchObject({ ok: false, status: 401 })
    await guard.close()
    expect(events).toEqual([{ type: 'refused', reason: 'unknown', address: '192.0.2.1', count: 50 }])
  })

  it('bounds what a flood of strangers can write', async () => {
    const { guard, events } = make()
    for (let address = 0; address < 5000; address++)
      await guard.open({ ...key('bad'), address: `198.51.100.${address}` })
    await guard.close()
    expect(events.length).toBeLessThanOrEqual(101)
    expect(events.reduce((sum, { count }) => sum + (count as number), 0)).toBe(5000)
  })

  it('refuses blocked addresses whatever they know', async () => {
    const { guard } = make({ addresses: { has: (address) => address === '192.0.2.1' } })
    expect(await guard.open(key('good'))).toMatchObject({ status: 403, code: 'PORTCULLIS_ADDRESS_BLOCKED' })
    expect(await guard.renew(key('good'))).toBeUndefined()
  })

  it('never shows a key to the authorization server, nor a token in a key header', async () => {
    const seen: string[] = []
    const { guard } = make({
      authenticate: {
        apiKeys: { verify: () => ({ ok: false, reason: 'unknown' }), looksLikeKey: (text) => text.startsWith('pck_') },
        oauth2: { verify: (text) => (seen.push(text), { ok: true, principal: person(['*'], 'oauth2') }) },
      },
    })
    const credentials = [
      { source: 'bearer', text: 'pck_live_x' },
      { source: 'dpop', text: 'pck_live_x' },
      { source: 'api_key', text: 'token' },
      { source: 'in_band_api_key', text: 'token' },
    ] as const
    for (const credential of credentials) expect((await guard.open({ transport: 'http', credential })).ok).toBe(false)
    expect(seen).toEqual([])
    expect((await guard.open({ transport: 'http', credential: { source: 'bearer', text: 'token' } })).ok).toBe(true)
    expect((await guard.open({ transport: 'http', credential: { source: 'dpop', text: 'token' } })).ok).toBe(true)
  })

  it('takes no key that is shown as one that is bound, and says to the verifier how a token is shown', async () => {
    const contexts: unknown[] = []
    const { guard } = make({
      authenticate: {
        apiKeys: {
          verify: (text) =>
            text === 'imported' ? { ok: true, principal: person(['*'], 'api_key') } : { ok: false, reason: 'unknown' },
        },
        oauth2: {
          verify: (_text, context) => {
            contexts.push(context)
            return { ok: false, reason: 'proof_nonce' }
          },
        },
      },
    })
    const open = (text: string) => guard.open({ transport: 'http', credential: { source: 'dpop', text } })
    expect((await open('imported')).ok).toBe(false)
    expect(contexts).toEqual([])
    expect(await open('token')).toMatchObject({ status: 401, challenge: { scheme: 'dpop', error: 'use_dpop_nonce' } })
    expect(contexts).toEqual([{ transport: 'http', scheme: 'dpop' }])
  })

  it('never shows a key that is known to the authorization server, whatever is wrong with it and however it looks', async () => {
    const seen: string[] = []
    const reasons: Record<string, string> = {
      old: 'revoked',
      far: 'wrong_address',
      strange: 'unknown',
      long: 'malformed',
    }
    const { guard } = make({
      authenticate: {
        apiKeys: { verify: (text) => ({ ok: false, reason: reasons[text] ?? '' }) },
        oauth2: { verify: (text) => (seen.push(text), { ok: false, reason: 'inactive' }) },
      },
    })
    for (const text of Object.keys(reasons)) {
      expect((await guard.open({ transport: 'http', credential: { source: 'bearer', text } })).ok).toBe(false)
    }
    expect(seen).toEqual(['strange', 'long'])
  })

  it('refuses principals whose time is over, from whatever authenticator', async () => {
    let now = 1000
    const { guard } = make({
      clock: () => now,
      authenticate: { custom: () => ({ ...person(['*'], 'custom'), expiresAtMs: 2000 }) },
    })
    expect((await guard.open({ transport: 'http', credential: undefined })).ok).toBe(true)
    now = 2000
    expect(await guard.open({ transport: 'http', credential: undefined })).toMatchObject({
      status: 401,
      reason: 'expired',
    })
  })

  it('answers an outage with 503 and a mistake with 500, and neither with a way in', async () => {
    for (const [fault, status] of [
      ['unavailable', 503],
      [undefined, 500],
    ] as const) {
      const { guard } = make({ authenticate: { apiKeys: { verify: () => fail(fault) }, anonymous: ['*'] } })
      expect(await guard.open(key('good'))).toMatchObject({ ok: false, status })
    }
  })
})

describe('createGuard', () => {
  it('refuses options that it does not know and the lack of those that it needs', () => {
    const good: GuardOptions = { authenticate: {}, policy: createPolicy() }
    expect(() => createGuard({ ...good, polcy: 1 } as never)).toThrow(/polcy/)
    expect(() => createGuard({ policy: good.policy } as never)).toThrow(/authenticate/)
    expect(() => createGuard({ authenticate: {} } as never)).toThrow(/policy/)
    // Misspelt, each of these would have been the unsafe choice without a word.
    for (const wrong of [
      { onAuditFailure: 'Block' },
      { refusals: 'results' },
      { validator: { checkText: () => [] } },
      { audit: {} },
      { authenticate: { apiKey: { verify: () => {} } } },
      { authenticate: { apiKeys: () => {} } },
      { authenticate: { anonymous: 'hello' } },
      { authenticate: { dangerouslyAllowEveryone: 'false' } },
      { authenticate: [] },
    ]) {
      expect(() => createGuard({ ...good, ...wrong } as never), JSON.stringify(wrong)).toThrow(
        expect.objectContaining({ code: 'ERR_GUARD_OPTIONS' }),
      )
    }
  })

  it('declares what it takes', () => {
    const declared = (authenticate: GuardOptions['authenticate']) =>
      createGuard({ authenticate, policy: createPolicy() }).declaration
    const verifier = { verify: () => ({ ok: false as const, reason: 'x' }) }
    expect(declared({ apiKeys: verifier, oauth2: verifier, custom: () => undefined })).toEqual({
      required: true,
      types: ['api_key', 'oauth2', 'custom'],
    })
    expect(declared({ apiKeys: verifier, anonymous: ['a'] })).toEqual({ required: false, types: ['api_key'] })
    expect(declared({ dangerouslyAllowEveryone: true })).toEqual({ required: false, types: [] })
  })
})
