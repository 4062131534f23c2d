import { randomBytes, randomUUID } from 'node:crypto'
import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiKeyRecord, type Change, memoryStore } from '../src/index.ts'
import { type RedisKeyStore, redisStore } from '../src/redis.ts'

let server: RedisServer
const opened: RedisKeyStore[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()))
  await server.stop()
})

const DAY = 86_400_000
const idOf = (n: number): string => `key${n}`.padEnd(12, '0')
// Names that are ids of others, and names that patterns and formats could stumble over.
const names = ['a', 'b', 'c d', idOf(1), idOf(4), '%d', '{x}', 'ключ', '__proto__', '-']
const number = (max: number) => fc.integer({ min: 0, max })

/** A step chosen blindly; what it becomes depends on what is there. */
const step = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'child', 'child', 'replace', 'replace', 'succeed'),
  id: number(5),
  name: fc.constantFrom(...names),
  family: number(6),
  day: number(30),
  lifeMs: fc.constantFrom(null, 60_000, DAY, 9 * DAY),
  status: fc.constantFrom('active', 'disabled', 'revoked'),
  stale: fc.constantFrom(0, 0, 0, 1),
  siblings: fc.constantFrom(undefined, 1, 2),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const recordOf = ({ id, name, family, day, lifeMs, status }: Step): ApiKeyRecord => ({
  id: idOf(id),
  name,
  hash: 'A'.repeat(43),
  alg: 'sha256',
  prefix: 'pck',
  env: 'live',
  last4: 'abcd',
  grants: ['get_*'],
  status: status as 'active',
  createdAtMs: day * DAY,
  expiresAtMs: lifeMs === null ? null : day * DAY + lifeMs,
  ...(status === 'revoked' ? { revokedAtMs: day * DAY } : {}),
  family: idOf(family),
  rev: 1,
})

const changesOf = (wanted: Step, known: ReadonlyMap<string, ApiKeyRecord>): Change[] => {
  const record = recordOf(wanted)
  const parents = [...known.keys()]
  const before = known.get(record.id)
  if (wanted.kind === 'child') {
    const parent = parents[wanted.family % Math.min(2, Math.max(1, parents.length))]
    if (parent === undefined || parent === record.id) return []
    const maxSiblings = wanted.siblings
    // Often with an id, a name and a family that are its own: otherwise those stand in the way of what is to be seen here.
    const id = idOf(40 + wanted.day * 6 + wanted.id)
    const own = wanted.stale === 0 ? { id, name: `child of ${wanted.id}`, family: id } : {}
    return [{ insert: { ...record, ...own, parent }, ...(maxSiblings === undefined ? {} : { maxSiblings }) }]
  }
  if (wanted.kind === 'insert' || before === undefined) return [{ insert: record }]
  const expectedRev = before.rev + wanted.stale
  if (wanted.kind === 'replace') {
    const { name, status, expiresAtMs, revokedAtMs } = record
    const more = revokedAtMs === undefined ? {} : { revokedAtMs }
    return [{ replace: { ...before, name, status, expiresAtMs, ...more, rev: before.rev + 1 }, expectedRev }]
  }
  const id = idOf(9 + wanted.day)
  const { replaced: _replaced, ...rest } = before
  return [
    { replace: { ...before, replaced: { by: id, atMs: 0 }, rev: before.rev + 1 }, expectedRev },
    { insert: { ...rest, id, replaces: before.id, createdAtMs: wanted.day * DAY, rev: 1 } },
  ]
}

const byId = (one: ApiKeyRecord, other: ApiKeyRecord) => (one.id < other.id ? -1 : 1)

test('whatever is committed, memory and Redis agree on what was in the way and on what is there', async () => {
  const outcomes = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 25 }), async (batches) => {
      const memory = memoryStore()
      const redis = redisStore(
        { url: server.url, commandTimeoutMs: 5000 },
        { namespace: randomUUID(), integrityKey: randomBytes(32), maxStaleMs: 60_000 },
      )
      opened.push(redis)
      for (const batch of batches) {
        const known = new Map((await memory.list()).map((record) => [record.id, record]))
        const changes = batch.flatMap((wanted) => changesOf(wanted, known))
        if (changes.length === 0) continue
        const outcome = await memory.commit(changes)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        expect([changes, await redis.commit(changes)]).toEqual([changes, outcome])
        expect([...(await redis.list())].sort(byId)).toEqual([...(await memory.list())].sort(byId))
        for (const name of names) expect((await redis.find(name))?.id).toBe((await memory.find(name))?.id)
      }
      await redis.close()
    }),
    // The few that always run are always the same, so that they show everything that is asked for below.
    process.env['PORTCULLIS_LONG'] ? { numRuns: 3000 } : { numRuns: 60, seed: 20_261_123 },
  )
  // It would prove little if everything were refused.
  expect([...outcomes.keys()].sort()).toEqual(
    ['changed', 'done', 'family_taken', 'id_taken', 'name_taken', 'too_many_siblings'].sort(),
  )
}, 600_000)
