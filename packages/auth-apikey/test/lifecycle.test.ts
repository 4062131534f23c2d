import { randomBytes, randomUUID } from 'node:crypto'
import { startRedis } from '@portcullis-internal/testing'
import { createPolicy } from '@portcullis/authz'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ApiKeyRecord,
  type ApiKeys,
  type ApiKeysOptions,
  type ApiKeyStore,
  createApiKeys,
  fileStore,
  formatKey,
  memoryStore,
  type VerifyContext,
} from '../src/index.ts'
import { redisStore } from '../src/redis.ts'
import { freshPath } from './scratch.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

let url = ''
const ends: (() => unknown)[] = []
beforeAll(async () => {
  const server = await startRedis()
  url = server.url
  ends.push(() => server.stop())
})
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

const stores: [string, () => ApiKeyStore][] = [
  ['memory', () => memoryStore()],
  ['file', () => fileStore(freshPath())],
  [
    'redis',
    () => {
      const store = redisStore(
        { url, commandTimeoutMs: 3000 },
        { namespace: randomUUID(), integrityKey: randomBytes(32), maxStaleMs: 60_000 },
      )
      ends.push(() => store.close())
      return store
    },
  ],
]

describe.each(stores)('keys in %s', (_label, make) => {
  const setup = (options: Partial<ApiKeysOptions> = {}) => {
    const time = { nowMs: 1_800_000_000_000 }
    const store = make()
    const keys = createApiKeys({ store, clock: () => time.nowMs, ...options })
    ends.push(() => keys.close())
    return { keys, store, time }
  }
  const outcome = async (keys: ApiKeys, text: string, context?: VerifyContext): Promise<string> => {
    const result = await keys.verify(text, context)
    return result.ok ? 'ok' : result.reason
  }
  const principalOf = async (keys: ApiKeys, text: string) => {
    const result = await keys.verify(text)
    if (!result.ok) throw new Error(result.reason)
    return result.principal
  }
  const failsWith = (code: string) => expect.objectContaining({ name: 'ApiKeyError', code, fault: 'invalid' })

  test('a key lives 90 days unless it is asked for otherwise', async () => {
    const { keys, time } = setup()
    const some = await keys.create({ name: 'some', grants: [] })
    const never = await keys.create({ name: 'never', grants: [], expiresAtMs: null })
    expect([some.record.expiresAtMs, never.record.expiresAtMs]).toEqual([time.nowMs + 90 * DAY, null])
    time.nowMs += 90 * DAY
    expect([await outcome(keys, some.key), await outcome(keys, never.key)]).toEqual(['expired', 'ok'])
  })

  describe('rotation', () => {
    test('both are good until the deadline, under one identity; then the old one is not', async () => {
      const { keys, time } = setup()
      const old = await keys.create({
        name: 'ci',
        grants: ['get_*'],
        owner: 'ann',
        tenant: 't',
        limits: [{ requests: 5, windowMs: 1000 }],
        metadata: { a: 'b' },
        expiresAtMs: time.nowMs + 30 * DAY,
      })
      const next = await keys.rotate('ci', { overlapMs: HOUR })
      expect(next.key).not.toBe(old.key)
      const { id, hash, last4, createdAtMs, replaces, rev, ...inherited } = next.record
      expect([id === old.record.id, hash === old.record.hash, last4, createdAtMs, replaces, rev]).toEqual([
        false,
        false,
        next.key.slice(-4),
        time.nowMs,
        old.record.id,
        1,
      ])
      expect(old.record).toMatchObject(inherited)
      const [before, after] = [await principalOf(keys, old.key), await principalOf(keys, next.key)]
      expect(before.id).toBe(after.id)
      expect([before.expiresAtMs, after.expiresAtMs]).toEqual([time.nowMs + HOUR, time.nowMs + 30 * DAY])
      expect(await keys.get('ci')).toMatchObject({ id: next.record.id })
      time.nowMs += HOUR - 1
      expect([await outcome(keys, old.key), await outcome(keys, next.key)]).toEqual(['ok', 'ok'])
      time.nowMs += 1
      expect([await outcome(keys, old.key), await outcome(keys, next.key)]).toEqual(['rotated', 'ok'])
    })

    test('of a leaked key ends it at once', async () => {
      const { keys } = setup()
      const old = await keys.create({ name: 'ci', grants: [] })
      const next = await keys.rotate(old.record.id, { overlapMs: 0 })
      expect([await outcome(keys, old.key), await outcome(keys, next.key)]).toEqual(['rotated', 'ok'])
    })

    test('the first use of the new key ends the old one', async () => {
      const { keys, store } = setup()
      const old = await keys.create({ name: 'ci', grants: [] })
      expect(await outcome(keys, old.key)).toBe('ok')
      const next = await keys.rotate('ci', { overlapMs: HOUR, until: 'first_use' })
      expect(await outcome(keys, old.key)).toBe('ok')
      expect(await outcome(keys, next.key)).toBe('ok')
      await keys.close()
      expect(await outcome(keys, old.key)).toBe('rotated')
      const elsewhere = createApiKeys({ store, clock: () => 1_800_000_000_000 })
      expect(await outcome(elsewhere, old.key)).toBe('rotated')
      expect(await outcome(elsewhere, next.key)).toBe('ok')
    })

    test('a key that waits for its successor ends with the overlap all the same, and never after its own end', async () => {
      const { keys, time } = setup()
      const old = await keys.create({ name: 'ci', grants: [], expiresAtMs: time.nowMs + HOUR })
      await keys.rotate('ci', { overlapMs: DAY, until: 'first_use' })
      expect((await principalOf(keys, old.key)).expiresAtMs).toBe(time.nowMs + HOUR)
      time.nowMs += HOUR
      expect(await outcome(keys, old.key)).toBe('rotated')
    })

    test('is refused for keys that are disabled, revoked, expired or replaced', async () => {
      const { keys, time } = setup()
      for (const name of ['disabled', 'revoked', 'expired', 'replaced']) {
        await keys.create({ name, grants: [], expiresAtMs: time.nowMs + (name === 'expired' ? 1 : DAY) })
      }
      await keys.disable('disabled')
      await keys.revoke('revoked')
      const { record } = await keys.rotate('replaced', { overlapMs: 0 })
      time.nowMs += 1
      for (const name of ['disabled', 'revoked', 'expired', record.replaces as string]) {
        await expect(keys.rotate(name)).rejects.toThrow(failsWith('ERR_APIKEY_STATE'))
      }
      await expect(keys.rotate('nobody')).rejects.toThrow(failsWith('ERR_APIKEY_NOT_FOUND'))
      for (const options of [{ overlapMs: -1 }, { overlapMs: 367 * DAY }, { until: 'soon' }, { grace: 1 }]) {
        await expect(keys.rotate('disabled', options as never)).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
      }
    })

    test('of many at once one succeeds, and the key has one successor', async () => {
      const { keys } = setup()
      const { record } = await keys.create({ name: 'ci', grants: [] })
      const done = await Promise.allSettled(Array.from({ length: 8 }, () => keys.rotate(record.id)))
      expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await keys.list()).toHaveLength(2)
    })

    test('an imported key gets a successor of our format and keeps its identity', async () => {
      const { keys } = setup()
      await keys.importPlain({ name: 'old', key: 'sk-123456789', grants: ['get_*'] })
      const { key, record } = await keys.rotate('old', { overlapMs: HOUR })
      expect([record.prefix, record.origin]).toEqual(['pck', undefined])
      expect((await principalOf(keys, key)).id).toBe((await principalOf(keys, 'sk-123456789')).id)
    })

    test('what ends a key ends its family, whichever of it is named', async () => {
      for (const pick of [0, 1, 2]) {
        const { keys } = setup()
        const made = [await keys.create({ name: 'ci', grants: [] })]
        made.push(await keys.rotate('ci'), await keys.rotate('ci'))
        const { id } = (made[pick] as (typeof made)[number]).record
        const each = () => Promise.all(made.map(({ key }) => outcome(keys, key)))
        expect(await each()).toEqual(['ok', 'ok', 'ok'])
        await keys.disable(id, { reason: 'holiday' })
        expect(await each()).toEqual(['disabled', 'disabled', 'disabled'])
        await keys.enable(id)
        expect(await each()).toEqual(['ok', 'ok', 'ok'])
        await keys.revoke(id)
        expect(await each()).toEqual(['revoked', 'revoked', 'revoked'])
        await expect(keys.enable(id)).rejects.toThrow(failsWith('ERR_APIKEY_STATE'))
        await expect(keys.disable('ci')).rejects.toThrow(failsWith('ERR_APIKEY_STATE'))
        expect((await keys.create({ name: 'ci', grants: [] })).record.name).toBe('ci')
      }
    })
  })

  describe('changes', () => {
    test('take effect at once, for the key that is being replaced too', async () => {
      const { keys } = setup()
      const old = await keys.create({ name: 'ci', grants: ['*'], owner: 'ann', audiences: ['a'] })
      const next = await keys.rotate('ci')
      const changed = await keys.update('ci', { grants: ['get_*'], owner: null, audiences: null, name: 'ci-2' })
      expect(changed).toMatchObject({ id: next.record.id, rev: 2, grants: ['get_*'], name: 'ci-2' })
      expect([Object.hasOwn(changed, 'owner'), Object.hasOwn(changed, 'audiences')]).toEqual([false, false])
      for (const { key } of [old, next]) expect((await principalOf(keys, key)).grants).toEqual(['get_*'])
      expect([(await keys.get('ci-2'))?.id, await keys.get('ci')]).toEqual([next.record.id, undefined])
      expect((await keys.create({ name: 'ci', grants: [] })).record.name).toBe('ci')
      await expect(keys.update('ci', { name: 'ci-2' })).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
    })

    test('an expiry can be moved, taken away, and must lie in the future', async () => {
      const { keys, time } = setup()
      const { key } = await keys.create({ name: 'ci', grants: [], expiresAtMs: time.nowMs + HOUR })
      expect((await keys.update('ci', { expiresAtMs: null })).expiresAtMs).toBe(null)
      time.nowMs += DAY
      expect(await outcome(keys, key)).toBe('ok')
      await expect(keys.update('ci', { expiresAtMs: time.nowMs })).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
      await keys.update('ci', { notBeforeMs: time.nowMs + HOUR })
      expect(await outcome(keys, key)).toBe('not_yet_valid')
      await expect(keys.update('ci', { expiresAtMs: time.nowMs + HOUR })).rejects.toThrow(
        failsWith('ERR_APIKEY_OPTION'),
      )
    })

    test('of one revision are refused when another came first, and without one lose nothing', async () => {
      const { keys } = setup()
      const { record } = await keys.create({ name: 'ci', grants: [] })
      await keys.update('ci', { owner: 'ann' }, { ifRev: record.rev })
      await expect(keys.update('ci', { owner: 'bob' }, { ifRev: record.rev })).rejects.toThrow(
        failsWith('ERR_APIKEY_CONFLICT'),
      )
      await Promise.all([
        keys.update('ci', { grants: ['get_*'] }),
        keys.update('ci', { metadata: { a: 'b' } }),
        keys.update('ci', { limits: [{ requests: 1, windowMs: 1 }] }),
        keys.disable('ci'),
      ])
      expect(await keys.get('ci')).toMatchObject({
        owner: 'ann',
        grants: ['get_*'],
        metadata: { a: 'b' },
        limits: [{ requests: 1, windowMs: 1 }],
        status: 'disabled',
        rev: 6,
      })
    })

    test('cannot touch what a key is, and bad ones change nothing', async () => {
      const { keys } = setup()
      const { record } = await keys.create({ name: 'ci', grants: [] })
      const bad = [
        { id: 'x' },
        { hash: 'x' },
        { tenant: 'x' },
        { family: 'x' },
        { status: 'active' },
        { rev: 7 },
        { name: '' },
        { limits: [] },
        { limits: [{ requests: 0, windowMs: 1 }] },
        { limits: [{ requests: 1, windowMs: 1, more: 1 }] },
        { allowedAddresses: ['10.0.0.1/8'] },
        { allowedAddresses: ['nowhere'] },
        { deniedAddresses: [] },
        { audiences: [] },
        { audiences: [7] },
        { notBeforeMs: -1 },
      ]
      for (const patch of bad) {
        await expect(keys.update('ci', patch as never)).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
      }
      for (const grants of [null, ['tool:'], 'x']) {
        await expect(keys.update('ci', { grants } as never)).rejects.toThrow(failsWith('ERR_APIKEY_GRANT'))
      }
      expect(await keys.get('ci')).toEqual(record)
      await keys.revoke('ci')
      await expect(keys.update('ci', { grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_STATE'))
    })
  })

  test('a record that could not be read again is not written', async () => {
    const { keys, store } = setup({ clock: () => 1_800_000_000_000.5 })
    const { record } = await keys.create({ name: 'ci', grants: [] })
    expect(record.createdAtMs).toBe(1_800_000_000_000)
    for (const more of [{ notBeforeMs: Number.MAX_SAFE_INTEGER }, { notBeforeMs: 8.64e15 }, { expiresAtMs: 1e16 }]) {
      await expect(keys.create({ name: 'x', grants: [], ...more })).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
    }
    const wrong = { ...record, id: 'another id', rev: 1 }
    await expect(store.commit([{ insert: wrong }])).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
    expect(await keys.list()).toEqual([record])
    const much = Array.from({ length: 20 }, (_, i) => `tool:${'x'.repeat(4000)}${i}`)
    await expect(keys.update('ci', { grants: much })).rejects.toThrow(failsWith('ERR_APIKEY_GRANT'))
  })

  describe('names', () => {
    test('are never ids, of others or their own, however a key comes', async () => {
      const { keys } = setup()
      const named = await keys.create({ name: 'productionky', grants: [] })
      const key = formatKey({ prefix: 'msk', env: 'live', id: 'productionky', secret: 'A'.repeat(43) })
      await expect(keys.importPlain({ name: 'x', key, grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
      for (const name of [named.record.id, 'productionky']) {
        await expect(keys.create({ name, grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
      }
      await expect(keys.update('productionky', { name: named.record.id })).rejects.toThrow(
        failsWith('ERR_APIKEY_EXISTS'),
      )
    })

    test('that a family has given up change nothing of it', async () => {
      const { keys, time } = setup()
      await keys.create({ name: 'ci', grants: ['get_*'] })
      const { key } = await keys.rotate('ci', { overlapMs: HOUR })
      time.nowMs += HOUR
      await keys.update('ci', { name: 'web' })
      for (const change of [
        () => keys.update('ci', { grants: ['*'] }),
        () => keys.revoke('ci'),
        () => keys.disable('ci'),
        () => keys.rotate('ci'),
      ]) {
        await expect(change()).rejects.toThrow(failsWith('ERR_APIKEY_NOT_FOUND'))
      }
      expect((await principalOf(keys, key)).grants).toEqual(['get_*'])
      expect(await keys.get('ci')).toMatchObject({ name: 'ci', replaced: {} })
    })

    test('that are texts of keys are not repeated, and no key is written down', async () => {
      const { keys } = setup()
      const { key } = await keys.create({ name: 'ci', grants: [] })
      for (const text of ['sk-foreign-SECRET-0123456789', key, key.slice(0, 52)]) {
        const error = await keys.revoke(text).catch((thrown: Error) => thrown)
        expect(inspect(error)).not.toContain(text.slice(10, 30))
        const child = await keys
          .issueChild(text.slice(0, 40), { name: 'x', grants: [] })
          .catch((thrown: Error) => thrown)
        expect(inspect(child)).not.toContain(text.slice(10, 30))
      }
      for (const more of [{ metadata: { note: key } }, { metadata: { note: key.slice(0, 40) } }, { owner: key }]) {
        await expect(keys.update('ci', more)).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
      }
    })
  })

  test('a key that is ended at once has ended for clocks that are behind, too', async () => {
    const { keys, store, time } = setup()
    const behind = createApiKeys({ store, clock: () => time.nowMs - 60_000 })
    ends.push(() => behind.close())
    time.nowMs += 3_600_000
    const leaked = await keys.create({ name: 'leaked', grants: [] })
    await keys.rotate('leaked', { overlapMs: 0 })
    expect(await outcome(behind, leaked.key)).toBe('rotated')
    const waiting = await keys.create({ name: 'waiting', grants: [] })
    const next = await keys.rotate('waiting', { overlapMs: DAY, until: 'first_use' })
    expect(await outcome(keys, next.key)).toBe('ok')
    await keys.close()
    expect(await outcome(behind, waiting.key)).toBe('rotated')
  })

  test('what is no context is none, and what is no text is no key', async () => {
    const { keys } = setup()
    const { key } = await keys.create({ name: 'ci', grants: [] })
    const bound = await keys.create({ name: 'bound', grants: [], audiences: ['a'] })
    for (const context of [null, {}, { audience: 7 }, { audience: { includes: () => true } }, { address: 7 }]) {
      expect(await outcome(keys, key, context as never)).toBe('ok')
      expect(await outcome(keys, bound.key, context as never)).toBe('wrong_audience')
    }
    for (const text of [undefined, null, 7, {}, []]) expect(await keys.get(text as never)).toBe(undefined)
  })

  test('all keys of an owner or a tenant are revoked, and no others', async () => {
    const { keys } = setup()
    const made = new Map<string, string>()
    for (const [owner, tenant] of [
      ['ann', 'a'],
      ['ann', 'b'],
      ['bob', 'a'],
    ] as const) {
      made.set(`${owner}/${tenant}`, (await keys.create({ name: `${owner}/${tenant}`, grants: [], owner, tenant })).key)
    }
    await keys.rotate('ann/b')
    const alive = async () => {
      const good: string[] = []
      for (const [name, key] of made) if ((await outcome(keys, key)) === 'ok') good.push(name)
      return good
    }
    const both = await keys.revokeAll({ owner: 'ann', tenant: 'b' }, { reason: 'left' })
    expect(both.map(({ name, status, revokedReason }) => [name, status, revokedReason])).toEqual([
      ['ann/b', 'revoked', 'left'],
      ['ann/b', 'revoked', 'left'],
    ])
    expect(await alive()).toEqual(['ann/a', 'bob/a'])
    expect(await keys.revokeAll({ owner: 'ann' })).toHaveLength(1)
    expect(await alive()).toEqual(['bob/a'])
    expect(await keys.revokeAll({ tenant: 'a' })).toHaveLength(1)
    expect(await alive()).toEqual([])
    for (const selection of [{}, { owner: '' }, { name: 'x' }]) {
      await expect(keys.revokeAll(selection as never)).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
    }
  })

  test('250 keys of an owner are revoked while one of them changes', async () => {
    const { keys } = setup()
    for (let i = 0; i < 250; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, j) => keys.create({ name: `k${i + j}`, grants: [], owner: 'ann' })),
      )
    }
    const [revoked] = await Promise.allSettled([
      keys.revokeAll({ owner: 'ann' }),
      keys.update('k7', { metadata: { a: 'b' } }),
    ])
    expect(revoked).toMatchObject({ status: 'fulfilled', value: { length: 250 } })
    expect((await keys.list()).filter(({ status }) => status !== 'revoked')).toEqual([])
  }, 60_000)

  describe('where a key is good', () => {
    test('networks: allowed ones, and denied ones before those; mapped addresses are IPv4; without an address nothing', async () => {
      const { keys } = setup()
      const { key } = await keys.create({
        name: 'ci',
        grants: [],
        allowedAddresses: ['10.0.0.0/8', '2001:db8::/32'],
        deniedAddresses: ['10.1.0.0/16', '2001:db8:1::/48'],
      })
      const from = (address?: string) => outcome(keys, key, address === undefined ? {} : { address })
      const good = ['10.0.0.1', '10.255.255.255', '::ffff:10.0.0.1', '2001:db8::1', '2001:db8:2::1']
      const bad = ['10.1.2.3', '::ffff:10.1.2.3', '11.0.0.1', '2001:db8:1::1', '2001:db9::1', '::1', '', 'localhost']
      for (const address of good) expect([address, await from(address)]).toEqual([address, 'ok'])
      for (const address of [...bad, undefined])
        expect([address, await from(address)]).toEqual([address, 'wrong_address'])
      expect(await from('10.0.0.1')).toBe('ok')
    })

    test('denied networks alone leave the rest of the world', async () => {
      const { keys } = setup()
      const { key } = await keys.create({ name: 'ci', grants: [], deniedAddresses: ['203.0.113.0/24'] })
      for (const [address, expected] of [
        ['203.0.113.9', 'wrong_address'],
        ['198.51.100.1', 'ok'],
        ['2001:db8::1', 'ok'],
        [undefined, 'wrong_address'],
      ] as const) {
        expect(await outcome(keys, key, address === undefined ? {} : { address })).toBe(expected)
      }
    })

    test('audiences: exactly one of what the server is known as', async () => {
      const { keys } = setup()
      const { key } = await keys.create({ name: 'ci', grants: [], audiences: ['https://a.example/mcp', 'b'] })
      const of = (audience?: string | string[]) => outcome(keys, key, audience === undefined ? {} : { audience })
      for (const audience of ['b', 'https://a.example/mcp', ['x', 'b']]) expect(await of(audience)).toBe('ok')
      for (const audience of ['https://a.example/mcp/', 'https://a.example', 'B', '', [], undefined]) {
        expect(await of(audience)).toBe('wrong_audience')
      }
    })
  })

  describe('a key that issues keys', () => {
    const parentOf = (keys: ApiKeys, more: object = {}) =>
      keys.create({ name: 'agent', grants: ['get_*', 'github/*', '!get_secret', 'admin:delegate'], ...more })

    test('gives part of its rights and life, and is asked about every call', async () => {
      const { keys, time } = setup()
      const parent = await parentOf(keys, { owner: 'ann', tenant: 't', limits: [{ requests: 3, windowMs: 1000 }] })
      const child = await keys.issueChild(parent.key, { name: 'sub', grants: ['get_*', 'github/search'] })
      expect(child.record).toMatchObject({
        parent: parent.record.id,
        owner: 'ann',
        tenant: 't',
        expiresAtMs: time.nowMs + HOUR,
      })
      const principal = await principalOf(keys, child.key)
      expect(principal.id).not.toBe((await principalOf(keys, parent.key)).id)
      expect(principal.delegatedBy).toBe(await principalOf(keys, parent.key))
      expect(principal.limits).toEqual([{ requests: 3, windowMs: 1000 }])
      const may = async (name: string, server = 'local') =>
        createPolicy().decide(await principalOf(keys, child.key), { kind: 'tool', server, name }).allowed
      expect([await may('get_time'), await may('search', 'github'), await may('push', 'github')]).toEqual([
        true,
        true,
        false,
      ])
      expect(await may('get_secret')).toBe(false)
      await keys.update('agent', { grants: ['get_time', 'admin:delegate'] })
      expect([await may('get_time'), await may('get_date'), await may('search', 'github')]).toEqual([
        true,
        false,
        false,
      ])
      time.nowMs += HOUR
      expect(await outcome(keys, child.key)).toBe('expired')
    })

    test('takes it along: disabled, expired, rotated, revoked, from elsewhere', async () => {
      const { keys, time } = setup({ delegation: { maxDepth: 2 } })
      const parent = await parentOf(keys, { expiresAtMs: time.nowMs + DAY, allowedAddresses: ['10.0.0.0/8'] })
      const here = { address: '10.0.0.1' }
      const child = await keys.issueChild(
        { idOrName: 'agent' },
        { name: 'sub', grants: ['get_*'], expiresAtMs: time.nowMs + DAY },
      )
      const grandchild = await keys
        .update('sub', { grants: ['get_*', 'admin:delegate'] })
        .then(() =>
          keys.issueChild({ idOrName: 'sub' }, { name: 'subsub', grants: ['get_time'], expiresAtMs: time.nowMs + DAY }),
        )
        .catch((error: unknown) => error as Error)
      expect(grandchild).not.toBeInstanceOf(Error)
      const both = async (context: VerifyContext = here) => [
        await outcome(keys, child.key, context),
        await outcome(keys, (grandchild as typeof child).key, context),
      ]
      expect(await both()).toEqual(['ok', 'ok'])
      expect(await both({ address: '11.0.0.1' })).toEqual(['parent', 'parent'])
      await keys.disable('agent')
      expect(await both()).toEqual(['parent', 'parent'])
      await keys.enable('agent')
      expect(await both()).toEqual(['ok', 'ok'])
      await keys.disable('sub')
      expect(await both()).toEqual(['disabled', 'parent'])
      await keys.enable('sub')
      const { key } = await keys.rotate('agent', { overlapMs: HOUR })
      expect(await both()).toEqual(['ok', 'ok'])
      time.nowMs += HOUR
      expect([await outcome(keys, parent.key, here), ...(await both())]).toEqual(['rotated', 'parent', 'parent'])
      const again = await keys.issueChild(key, { name: 'next', grants: ['get_*'] }, here)
      expect(await outcome(keys, again.key, here)).toBe('ok')
      await keys.revoke('agent')
      expect(await outcome(keys, again.key, here)).toBe('parent')
    })

    test('cannot give what it has not, to keys that outlive it, deeper or more than allowed', async () => {
      const { keys, time } = setup({ delegation: { maxDepth: 2, maxChildren: 2 } })
      const plain = await keys.create({ name: 'plain', grants: ['*'] })
      const parent = await parentOf(keys, { expiresAtMs: time.nowMs + DAY })
      const refused = failsWith('ERR_APIKEY_DELEGATION')
      const issue = (from: string, more: object = {}) =>
        keys.issueChild(from.startsWith('pck_') ? from : { idOrName: from }, {
          name: 'sub',
          grants: ['get_time'],
          ...more,
        })
      await expect(issue(plain.key)).rejects.toThrow(refused)
      for (const grants of [['*'], ['list_*'], ['github/*', 'gitlab/*'], ['*/search'], ['tool:*'], ['admin:*']]) {
        await expect(issue(parent.key, { grants })).rejects.toThrow(refused)
      }
      for (const expiresAtMs of [time.nowMs + DAY + 1, null]) {
        await expect(issue(parent.key, { expiresAtMs })).rejects.toThrow(refused)
      }
      await expect(issue(`${parent.key.slice(0, -49)}${'A'.repeat(49)}`)).rejects.toThrow(refused)
      for (const text of ['agent', parent.record.id, 'nobody']) {
        // A text is a credential and nothing else: whoever says a name has proven nothing.
        await expect(keys.issueChild(text, { name: 'sub', grants: ['get_time'] })).rejects.toThrow(refused)
      }
      for (const more of [{ owner: 'x' }, { tenant: 'x' }, { limits: [{ requests: 1, windowMs: 1 }] }]) {
        await expect(issue(parent.key, more)).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
      }
      await issue(parent.key, { name: 'one', grants: ['admin:delegate', 'get_time'] })
      await issue('one', { name: 'two', grants: ['admin:delegate', 'get_time'] })
      await expect(issue('two', { name: 'three' })).rejects.toThrow(refused)
      await issue('agent', { name: 'second' })
      await expect(issue('agent', { name: 'third' })).rejects.toThrow(refused)
      await keys.revoke('second')
      await expect(issue('agent', { name: 'third', expiresAtMs: time.nowMs + 59_999 })).rejects.toThrow(refused)
      await issue('agent', { name: 'third', expiresAtMs: time.nowMs + 60_000 })
      await expect(issue('agent', { name: 'fourth' })).rejects.toThrow(refused)
      // It ends, and counts for another hour: otherwise ever new ones could be issued.
      time.nowMs += 60_000 + HOUR - 1
      await expect(issue('agent', { name: 'fourth' })).rejects.toThrow(refused)
      time.nowMs += 1
      expect((await issue('agent', { name: 'third' })).record.name).toBe('third')
      await keys.disable('agent')
      await expect(issue(parent.key)).rejects.toThrow(refused)
      await expect(issue('agent')).rejects.toThrow(refused)
    })

    test('what has ended long ago is let go of, with all that it has issued', async () => {
      const { keys, time } = setup({ delegation: { maxDepth: 2 } })
      await parentOf(keys)
      const grants = ['admin:delegate', 'get_time']
      await keys.issueChild({ idOrName: 'agent' }, { name: 'old', grants })
      await keys.issueChild({ idOrName: 'old' }, { name: 'older', grants: ['get_time'] })
      const revoked = await keys.issueChild({ idOrName: 'agent' }, { name: 'revoked', grants })
      await keys.revoke(revoked.record.id)
      time.nowMs += 7 * DAY
      await keys.issueChild({ idOrName: 'agent' }, { name: 'new', grants })
      expect((await keys.list()).map(({ name }) => name).sort()).toEqual(['agent', 'new', 'old', 'older'])
      time.nowMs += 3 * HOUR
      await keys.issueChild({ idOrName: 'agent' }, { name: 'old', grants })
      expect((await keys.list()).map(({ name }) => name).sort()).toEqual(['agent', 'new', 'old'])
      expect(await keys.get('older')).toBe(undefined)
    })

    test('its own limits count for all that come from it', async () => {
      const { keys } = setup({ delegation: { maxDepth: 2 } })
      const limits = [{ requests: 3, windowMs: 1000 }]
      await parentOf(keys, { limits })
      await keys.issueChild({ idOrName: 'agent' }, { name: 'one', grants: ['admin:delegate', 'get_time'] })
      const { key } = await keys.issueChild({ idOrName: 'one' }, { name: 'two', grants: ['get_time'] })
      expect((await principalOf(keys, key)).limits).toEqual(limits)
    })

    test('of many at once no more than allowed', async () => {
      const { keys } = setup({ delegation: { maxChildren: 3 } })
      await parentOf(keys)
      const all = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => keys.issueChild({ idOrName: 'agent' }, { name: `c${i}`, grants: [] })),
      )
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    })
  })

  test('last uses are written together, once for each key and interval, and survive', async () => {
    const { keys, store, time } = setup()
    const written: ReadonlyMap<string, number>[] = []
    const spying: ApiKeyStore = {
      ...store,
      touch: async (uses) => {
        written.push(uses)
        await store.touch?.(uses)
      },
    }
    const user = createApiKeys({ store: spying, clock: () => time.nowMs, lastUseIntervalMs: 60_000 })
    const made = [await keys.create({ name: 'a', grants: [] }), await keys.create({ name: 'b', grants: [] })]
    for (let i = 0; i < 100; i++) {
      for (const { key } of made) expect(await outcome(user, key)).toBe('ok')
      time.nowMs += 10
    }
    expect(await outcome(user, `${made[0]?.key.slice(0, -1)}-`)).not.toBe('ok')
    expect(written).toEqual([])
    await user.close()
    expect(written).toEqual([new Map(made.map(({ record }) => [record.id, time.nowMs - 10]))])
    expect(await keys.lastUses()).toEqual(written[0])
    expect((await keys.list()).map(({ rev }) => rev)).toEqual([1, 1])
  })

  test('hashes from elsewhere: in hex, base64 and base64url, of keys whose text nobody here has seen', async () => {
    const { keys } = setup()
    const digest = Buffer.from('5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8', 'hex')
    const forms = [
      digest.toString('hex'),
      digest.toString('hex').toUpperCase(),
      digest.toString('base64'),
      digest.toString('base64url'),
    ]
    for (const [i, hash] of forms.entries()) {
      const other = setup().keys
      const record = await other.importHash({ name: `h${i}`, hash, grants: ['get_*'] })
      expect(record).toMatchObject({ expiresAtMs: null, last4: '', origin: 'import' })
      expect(await outcome(other, 'password')).toBe('ok')
      expect(await outcome(other, 'passwore')).toBe('unknown')
    }
    for (const hash of ['', 'password', digest.toString('hex').slice(1), `${digest.toString('base64')}A`, 7]) {
      await expect(keys.importHash({ name: 'x', hash: hash as string, grants: [] })).rejects.toThrow(
        failsWith('ERR_APIKEY_FORMAT'),
      )
    }
  })

  describe('peppers', () => {
    const one = { id: '2026', key: randomBytes(32) }
    const two = { id: '2027', key: randomBytes(32) }

    test('a ring: new keys under the first, old ones under theirs, those without one as before', async () => {
      const { keys, store } = setup()
      const clock = () => 1_800_000_000_000
      const plain = await keys.create({ name: 'plain', grants: [] })
      const before = createApiKeys({ store, clock, peppers: [one] })
      const first = await before.create({ name: 'first', grants: [] })
      expect(first.record).toMatchObject({ alg: 'hmac-sha256', pepperId: '2026' })
      const after = createApiKeys({ store, clock, peppers: [two, one] })
      const second = await after.create({ name: 'second', grants: [] })
      expect(second.record.pepperId).toBe('2027')
      for (const { key } of [plain, first, second]) expect(await outcome(after, key)).toBe('ok')
      expect((await after.rotate('first')).record.pepperId).toBe('2027')
      expect((await keys.rotate('second', { overlapMs: 0 })).record).toMatchObject({ alg: 'sha256' })
      // Without the pepper nobody can say whether a key is good.
      const without = createApiKeys({ store, clock })
      await expect((async () => without.verify(first.key))()).rejects.toMatchObject({
        code: 'ERR_APIKEY_STORE',
        fault: 'unavailable',
      })
      const wrong = createApiKeys({ store, clock, peppers: [{ ...one, key: randomBytes(32) }] })
      expect(await outcome(wrong, first.key)).toBe('unknown')
    })

    test('short ones, two of a name and odd names are refused', () => {
      const bad = [[{ id: 'a', key: randomBytes(31) }], [one, one], [{ ...one, id: 'a b' }], [{ id: 'x' }], one]
      for (const peppers of bad) {
        expect(() => createApiKeys({ store: memoryStore(), peppers: peppers as never })).toThrow(
          failsWith('ERR_APIKEY_OPTION'),
        )
      }
    })
  })

  test('nothing that is shown of a key holds any of its secret', async () => {
    const { keys } = setup({ peppers: [{ id: 'p', key: randomBytes(32) }] })
    const made = [await keys.create({ name: 'a', grants: ['admin:delegate'] })]
    made.push(await keys.rotate('a'), await keys.issueChild({ idOrName: 'a' }, { name: 'b', grants: [] }))
    const shown = JSON.stringify([await keys.list(), await Promise.all(made.map(({ key }) => keys.verify(key)))])
    for (const { key } of made) expect(shown).not.toContain(key.slice(-49, -10))
    const records: readonly ApiKeyRecord[] = await keys.list()
    expect(records.every((record) => Object.isFrozen(record) && Object.isFrozen(record.grants))).toBe(true)
  })
})
