import { randomBytes, randomUUID } from 'node:crypto'
import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ApiKeyRecord, type ApiKeys, createApiKeys } from '../src/index.ts'
import { redisStore } from '../src/redis.ts'

const integrityKey = randomBytes(32)
let server: RedisServer
const ends: (() => unknown)[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  for (const end of ends) await end()
  await server.stop()
})

const open = (namespace: string, key = integrityKey) => {
  const store = redisStore(
    { url: server.url, commandTimeoutMs: 5000 },
    { namespace, integrityKey: key, maxStaleMs: 5000, pollMs: 50 },
  )
  ends.push(() => store.close())
  return createApiKeys({ store, lastUseIntervalMs: false })
}
const outcome = async (keys: ApiKeys, key: string): Promise<string> => {
  try {
    const result = await keys.verify(key)
    return result.ok ? `ok: ${result.principal.grants.join()}` : result.reason
  } catch (error) {
    expect(error).toMatchObject({ name: 'ApiKeyError', fault: 'unavailable' })
    return (error as { code: string }).code
  }
}

/** A family that was rotated, a parent with its child, someone else's key; and the same names elsewhere under the same secret. */
const setup = async () => {
  const namespace = randomUUID()
  const elsewhere = randomUUID()
  const keys = open(namespace)
  const old = await keys.create({ name: 'ci', grants: ['get_*'] })
  const next = await keys.rotate('ci', { overlapMs: 0 })
  const parent = await keys.create({ name: 'parent', grants: ['admin:delegate', 'get_*'] })
  const child = await keys.issueChild({ idOrName: 'parent' }, { name: 'child', grants: ['get_*'] })
  const stranger = await open(elsewhere).create({ name: 'ci', grants: ['*'] })
  const records = `{${namespace}:api-keys}:records`
  const raw = async (id: string, from = records) => String(await server.cli('HGET', from, id))
  const others = `{${elsewhere}:api-keys}:records`
  return { keys, namespace, records, raw, old, next, parent, child, stranger, others }
}
type Setup = Awaited<ReturnType<typeof setup>>

const altered = (text: string, change: (record: Record<string, unknown>) => void): string => {
  const record = JSON.parse(text.slice(44)) as Record<string, unknown>
  change(record)
  return `${text.slice(0, 43)} ${JSON.stringify(record)}`
}

/** What is written in place of the record of which key. */
const forgeries: [string, (s: Setup) => Promise<{ of: { key: string; record: ApiKeyRecord }; text: string }>][] = [
  [
    'more grants',
    async (s) => ({ of: s.next, text: altered(await s.raw(s.next.record.id), (r) => void (r['grants'] = ['*'])) }),
  ],
  ['no MAC', async (s) => ({ of: s.next, text: (await s.raw(s.next.record.id)).slice(44) })],
  ['an empty MAC', async (s) => ({ of: s.next, text: (await s.raw(s.next.record.id)).slice(43) })],
  ['a MAC that is longer than one', async (s) => ({ of: s.next, text: `A${await s.raw(s.next.record.id)}` })],
  ['the record of another id', async (s) => ({ of: s.next, text: await s.raw(s.parent.record.id) })],
  ['that of another namespace', async (s) => ({ of: s.next, text: await s.raw(s.stranger.record.id, s.others) })],
  [
    'a text with a second, better value of a field',
    async (s) => ({ of: s.next, text: (await s.raw(s.next.record.id)).replace(/\}$/, ',"grants":["*"]}') }),
  ],
  [
    'no parent',
    async (s) => ({ of: s.child, text: altered(await s.raw(s.child.record.id), (r) => delete r['parent']) }),
  ],
  [
    'another parent',
    async (s) => ({
      of: s.child,
      text: altered(await s.raw(s.child.record.id), (r) => void (r['parent'] = s.next.record.id)),
    }),
  ],
  [
    'nothing that replaced it',
    async (s) => ({ of: s.old, text: altered(await s.raw(s.old.record.id), (r) => delete r['replaced']) }),
  ],
  [
    'the hash of a key that the writer knows',
    async (s) => ({
      of: s.next,
      text: altered(await s.raw(s.next.record.id), (r) => void (r['hash'] = s.stranger.record.hash)),
    }),
  ],
  ['nothing at all', async (s) => ({ of: s.next, text: '' })],
]

describe('who can write to Redis and has not the integrity key', () => {
  test.each(forgeries)('makes no key pass with a record of %s', async (_what, forge) => {
    const s = await setup()
    const { of, text } = await forge(s)
    const honest = await s.raw(of.record.id)
    expect(text).not.toBe(honest)
    const before = await outcome(s.keys, of.key)
    await server.cli('HSET', s.records, of.record.id, text)
    // One that has read the record before is told to read it again, as the writer could.
    await server.cli('SET', `{${s.namespace}:api-keys}:epoch`, `99.${randomUUID()}`)
    const stranger = open(s.namespace)
    expect(await outcome(stranger, of.key)).toBe('ERR_APIKEY_STORE')
    await vi.waitFor(async () => expect(await outcome(s.keys, of.key)).toBe('ERR_APIKEY_STORE'), { timeout: 5000 })
    await expect(stranger.list()).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
    await expect(stranger.update(of.record.id, { owner: 'x' })).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
    await server.cli('HSET', s.records, of.record.id, honest)
    expect(await outcome(open(s.namespace), of.key)).toBe(before)
  })

  test('makes no child of a parent whose record is forged or gone', async () => {
    const s = await setup()
    const honest = await s.raw(s.parent.record.id)
    await server.cli('HSET', s.records, s.parent.record.id, altered(honest, (r) => void (r['status'] = 'active')) + ' ')
    expect(await outcome(open(s.namespace), s.child.key)).toBe('ERR_APIKEY_STORE')
    await server.cli('HDEL', s.records, s.parent.record.id)
    expect(await outcome(open(s.namespace), s.child.key)).toBe('parent')
    await expect(open(s.namespace).issueChild(s.parent.key, { name: 'x', grants: [] })).rejects.toMatchObject({
      code: 'ERR_APIKEY_DELEGATION',
    })
  })

  test('makes no key by putting its own record under an id that was free', async () => {
    const s = await setup()
    const text = await s.raw(s.stranger.record.id, s.others)
    await server.cli('HSET', s.records, s.stranger.record.id, text)
    expect(await outcome(open(s.namespace), s.stranger.key)).toBe('ERR_APIKEY_STORE')
    await server.cli('HSET', s.records, s.stranger.record.id, text.slice(44))
    expect(await outcome(open(s.namespace), s.stranger.key)).toBe('ERR_APIKEY_STORE')
  })

  test('points a name or a family at another key, and nobody is changed in its stead', async () => {
    const s = await setup()
    await server.cli('HSET', `{${s.namespace}:api-keys}:names`, 'ci', s.parent.record.id)
    await expect(open(s.namespace).revoke('ci')).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
    expect(await outcome(open(s.namespace), s.parent.key)).toMatch(/^ok/)
    expect((await open(s.namespace).revoke(s.next.record.id)).status).toBe('revoked')
    expect(await outcome(open(s.namespace), s.next.key)).toBe('revoked')
  })
})
