import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createAuditLog, verifyAuditLog } from '../src/index.ts'
import { freshFile, linesOf, recordsOf } from './scratch.ts'

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)
const cut = (text: string): string => `${text.slice(0, 256)}…sha256:${digest(text)}`

/** What is in the log after one event. */
const recorded = async (event: Record<string, unknown>): Promise<Record<string, unknown>> => {
  const file = freshFile()
  const log = createAuditLog({ file })
  await log.record({ type: 'call', ...event })
  await log.close()
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 2 })
  expect(linesOf(file)[1]?.length).toBeLessThan(1_048_576)
  return recordsOf(file)[1] as Record<string, unknown>
}

test('a string too long for a line is cut, and its hash tells it from others', async () => {
  const name = '\u0085'.repeat(400_000)
  expect(await recorded({ name })).toMatchObject({ type: 'call', name: cut(name) })
  const huge = 'x'.repeat(3_000_000)
  expect(await recorded({ name: huge })).toMatchObject({ name: cut(huge) })
})

test('1,024 characters are kept, one more is not, at any depth', async () => {
  const kept = 'a'.repeat(1024)
  const long = `${kept}b`
  expect(await recorded({ kept, long, list: [{ deep: [long, 1, null, true] }] })).toMatchObject({
    kept,
    long: cut(long),
    list: [{ deep: [cut(long), 1, null, true] }],
  })
  expect(await recorded({ type: long })).toMatchObject({ type: cut(long) })
})

test('long names of fields are cut too, and stay apart', async () => {
  const one = `${'k'.repeat(2_000_000)}1`
  const other = `${'k'.repeat(2_000_000)}2`
  const got = await recorded({ fields: JSON.parse(`{"${one}":1,"${other}":2,"__proto__":3}`), [one]: 4 })
  expect(got['fields']).toEqual(JSON.parse(`{"${cut(one)}":1,"${cut(other)}":2,"__proto__":3}`))
  expect(got[cut(one)]).toBe(4)
})

test('a pair of surrogates is not cut in two', async () => {
  const text = `${'a'.repeat(255)}${'\u{1f600}'.repeat(600)}`
  expect(await recorded({ text })).toMatchObject({ text: `${'a'.repeat(255)}…sha256:${digest(text)}` })
})

test('what is still too large is refused, and the log goes on', async () => {
  const file = freshFile()
  const log = createAuditLog({ file })
  const many = { type: 'call', names: Array.from({ length: 1100 }, () => 'x'.repeat(1000)) }
  await expect(log.record(many)).rejects.toMatchObject({ code: 'ERR_AUDIT_EVENT', fault: 'invalid' })
  const escaped = { type: 'call', names: Array.from({ length: 200 }, () => '\u0085'.repeat(1024)) }
  await expect(log.record(escaped)).rejects.toMatchObject({ code: 'ERR_AUDIT_EVENT' })
  await log.record({ type: 'call' })
  await log.close()
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 2 })
})
