import { createPolicy, type Principal } from '@portcullis/authz'
import { describe, expect, it } from 'vitest'
import { createGuard } from '../src/create-guard.ts'
import type { Exchange, Pass } from '../src/exchange.ts'
import type { GuardOptions } from '../src/options.ts'
import type { AuditEvent } from '../src/ports.ts'
import type { Refusal } from '../src/refusals.ts'

const principal = (grants: readonly string[], method = 'api_key', scopes?: string[]): Principal => ({
  id: `${method}:p`,
  method,
  grants,
  authenticatedAtMs: 0,
  ...(scopes === undefined ? {} : { claims: { scopes } }),
})
const exchange = (caller: Principal): Exchange => ({ principal: caller, transport: 'http', revision: '2026-07-28' })
const listen = (notifications: unknown) => ({
  jsonrpc: '2.0' as const,
  id: 1,
  method: 'subscriptions/listen',
  params: { notifications } as Record<string, unknown>,
})

const make = (options: Partial<GuardOptions> = {}) => {
  const events: AuditEvent[] = []
  const charged: unknown[] = []
  const guard = createGuard({
    authenticate: { custom: () => undefined },
    policy: createPolicy(),
    limiter: {
      check: (_key, { cost, limits }) => {
        charged.push([cost, limits])
        return { allowed: true, limit: 1, remaining: 1, resetMs: 0, retryAfterMs: 0, policy: 'x' }
      },
    },
    audit: {
      record: async (event) => {
        events.push(event)
      },
    },
    ...options,
  })
  return { guard, events, charged }
}

describe('subscriptions/listen', () => {
  const both = ['file:///a/1', 'file:///b/1']

  it('runs with the right to every resource that it names, in canonical form', async () => {
    const { guard, events } = make()
    const caller = exchange(principal(['resource:file:///a/*', 'resource:file:///b/*']))
    const verdict = (await guard.check(caller, listen({ resourceSubscriptions: both, toolsListChanged: true }))) as Pass
    expect(verdict.ok).toBe(true)
    expect(verdict.actions?.map(({ name }) => name)).toEqual(both)
    expect(verdict.message.params?.['notifications']).toEqual({ resourceSubscriptions: both, toolsListChanged: true })
    expect(events[0]).toMatchObject({ allowed: true, kind: 'resource', names: both.map((uri) => `local/${uri}`) })
  })

  it('is refused for one that may not be read, whatever the others', async () => {
    const { guard } = make()
    const caller = exchange(principal(['resource:file:///a/*']))
    expect(await guard.check(caller, listen({ resourceSubscriptions: both }))).toMatchObject({ ok: false, status: 403 })
    for (const uri of ['file:///a/../b/1', 'file:///a/%2e%2e/b/1', 'file:///a//1']) {
      expect(await guard.check(caller, listen({ resourceSubscriptions: [uri] }))).toMatchObject({ status: 403 })
    }
  })

  it('needs no right where it names no resource, and counts all the same', async () => {
    const { guard, charged } = make()
    expect((await guard.check(exchange(principal([])), listen({ toolsListChanged: true }))).ok).toBe(true)
    expect(charged).toEqual([[1, ['api_key']]])
  })

  it('names every scope that is lacking in one challenge, and none where a scope would not help', async () => {
    const rules = both.map((uri, index) => ({
      match: `resource:${uri}`,
      requireScopes: [`mcp:resource:need-${index}`],
    }))
    const { guard } = make({ policy: createPolicy({ rules }) })
    const granted = principal(['resource:file:///**'], 'oauth2', ['mcp:server:access'])
    const refused = (await guard.check(exchange(granted), listen({ resourceSubscriptions: both }))) as Refusal
    expect(refused.challenge).toEqual({
      error: 'insufficient_scope',
      scopes: ['mcp:resource:need-0', 'mcp:resource:need-1'],
    })
    const denied = principal(['resource:file:///**', '!resource:file:///b/*'], 'oauth2', ['mcp:server:access'])
    const without = (await guard.check(exchange(denied), listen({ resourceSubscriptions: both }))) as Refusal
    expect([without.status, without.challenge]).toEqual([403, undefined])
  })

  it('weighs what its resources weigh together', async () => {
    const rules = [
      { match: 'resource:file:///a/*', cost: 3 },
      { match: 'resource:file:///b/*', cost: 4, limit: { requests: 9, windowMs: 1000 } },
    ]
    const { guard, charged } = make({ policy: createPolicy({ rules }) })
    await guard.check(exchange(principal(['resource:file:///**'])), listen({ resourceSubscriptions: both }))
    expect(charged).toEqual([[7, ['api_key', expect.stringContaining('policy.rules[1]')]]])
  })

  it.each<[string, unknown]>([
    ['no filter', undefined],
    ['a list', []],
    ['resources that are no list', { resourceSubscriptions: 'file:///a' }],
    ['resources that are no text', { resourceSubscriptions: [1] }],
    [
      'more than a thousand',
      { resourceSubscriptions: Array.from({ length: 1001 }, (_, index) => `file:///a/${index}`) },
    ],
  ])('takes no %s', async (_name, notifications) => {
    const { guard } = make()
    expect(await guard.check(exchange(principal(['*'])), listen(notifications))).toMatchObject({
      ok: false,
      rpcCode: -32602,
    })
  })

  it('writes no more of a long filter into the audit log than an auditor reads', async () => {
    const { guard, events } = make()
    const uris = Array.from({ length: 500 }, (_, index) => `file:///a/${index}`)
    await guard.check(exchange(principal(['*'])), listen({ resourceSubscriptions: uris }))
    expect(events[0]?.['names']).toHaveLength(20)
    expect(events[0]?.['namesInAll']).toBe(500)
  })
})

describe('settle', () => {
  const pass = (method: string): Pass => ({
    ok: true,
    message: { jsonrpc: '2.0', id: 1, method, params: {} },
    method:
      method === 'tools/list'
        ? { decided: 'list', counted: true, since: '2025-03-26', items: 'tools' }
        : { decided: method === 'resources/read' ? 'resource' : 'tool', counted: true, since: '2025-03-26' },
    call: 'c',
    startedAtMs: 0,
  })
  const settle = (method: string, result: unknown, revision: Exchange['revision'] = '2026-07-28') =>
    make().guard.settle({ ...exchange(principal(['*'])), revision }, pass(method), { jsonrpc: '2.0', id: 1, result })
      .result

  it('lets no answer that was decided on be shared', () => {
    expect(settle('tools/list', { tools: [], cacheScope: 'public', ttlMs: 60_000 })).toEqual({
      tools: [],
      cacheScope: 'private',
      ttlMs: 60_000,
    })
    expect(settle('resources/read', { contents: [] })).toEqual({ contents: [], cacheScope: 'private', ttlMs: 0 })
  })

  it('leaves alone what is not cached, what is no answer yet, and older revisions', () => {
    expect(settle('tools/call', { content: [] })).toEqual({ content: [] })
    expect(settle('resources/read', { resultType: 'input_required' })).toEqual({ resultType: 'input_required' })
    expect(settle('tools/list', { tools: [] }, '2025-11-25')).toEqual({ tools: [] })
  })
})

describe('refusals that are results', () => {
  it('are complete ones for who needs to be told', async () => {
    const { toResponse } = await import('../src/refusals.ts')
    const { guard } = make({ refusals: 'result' })
    const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
    const refused = (await guard.check(exchange(principal([])), call)) as Refusal
    expect(toResponse(refused, 1, '2026-07-28').result).toMatchObject({ resultType: 'complete', isError: true })
    expect(toResponse(refused, 1, '2025-11-25').result).not.toHaveProperty('resultType')
  })
})

describe('a credential that is good and not enough', () => {
  it('is 403 with what it lacks', async () => {
    const { guard } = make({
      authenticate: {
        oauth2: { verify: () => ({ ok: false, reason: 'insufficient_scope', missingScopes: ['mcp:server:access'] }) },
      },
    })
    const refused = await guard.open({ transport: 'http', credential: { source: 'bearer', text: 't' }, address: '::1' })
    expect(refused).toMatchObject({
      status: 403,
      challenge: { error: 'insufficient_scope', scopes: ['mcp:server:access'] },
    })
  })
})
