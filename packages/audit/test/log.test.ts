import { existsSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { createAuditLog, verifyAuditLog } from '../src/index.ts'
import { bulk, freshFile, key, linesOf, recordsOf, writeLog } from './scratch.ts'

const failsWith = (code: string) => expect.objectContaining({ name: 'AuditError', code })

test('writes a header and one JSON object a line, chained and numbered', async () => {
  const file = freshFile()
  const log = createAuditLog({ file, key, clock: () => 1_700_000_000_000 })
  await log.record({ type: 'tool.call', principal: 'api_key:file::ci', allowed: true })
  const [header, call] = recordsOf(file)
  expect(header).toMatchObject({ seq: 0, type: 'log.created', format: 'portcullis-audit', version: 1, keyed: true })
  expect(call).toEqual({
    seq: 1,
    at: '2023-11-14T22:13:20.000Z',
    type: 'tool.call',
    principal: 'api_key:file::ci',
    allowed: true,
    prev: header?.['hash'],
    hash: log.head.hash,
  })
  expect(log.head.sequence).toBe(1)
  await log.close()
  expect(existsSync(`${file}.lock`)).toBe(false)
})

test('makes its directory 0700 and its file 0600', async () => {
  const file = join(dirname(freshFile()), 'deep', 'audit', 'audit.jsonl')
  await writeLog(file, 1)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
})

test('a record is in the file when its promise resolves, and the events of one turn keep their order', async () => {
  for (const sync of ['write', 'fsync'] as const) {
    const file = freshFile()
    const log = createAuditLog({ file, sync })
    await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        await log.record({ type: 'call', n })
        expect(readFileSync(file, 'utf8')).toContain(`"n":${n},`)
      }),
    )
    expect(recordsOf(file).map((record) => record['n'])).toEqual([
      undefined,
      ...Array.from({ length: 50 }, (_, n) => n),
    ])
    await log.close()
    expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 51 })
  }
})

test('the event is read when it is recorded, not when it is written', async () => {
  const file = freshFile()
  const log = createAuditLog({ file, groupMs: 5 })
  const event = { type: 'call', name: 'before' }
  const done = log.record(event)
  event.name = 'after'
  await done
  expect(recordsOf(file)[1]).toMatchObject({ name: 'before' })
  await log.close()
})

test('close writes what is pending; afterwards nothing is accepted', async () => {
  for (const options of [{ groupMs: 1000 }, { sync: 'fsync' as const }, {}]) {
    const file = freshFile()
    const log = createAuditLog({ file, ...options })
    const pending = Promise.all([log.record({ type: 'a' }), log.record({ type: 'b' })])
    await Promise.all([log.close(), log.close()])
    await pending
    expect(recordsOf(file).map((record) => record['type'])).toEqual(['log.created', 'a', 'b'])
    await expect(log.record({ type: 'c' })).rejects.toMatchObject({ code: 'ERR_AUDIT_CLOSED', fault: 'unavailable' })
  }
})

test('characters that could mislead a terminal or a line reader are escaped and come back as they were', async () => {
  const file = freshFile()
  const log = createAuditLog({ file })
  const text =
    'a\u0000\n\r\u001b[2J\u007f\u0085\u009b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800"\\é\u{1f600}'
  await log.record({ type: 'call', [text]: text })
  await log.close()
  expect(linesOf(file)[1]).toMatch(/^[\x20-\x7eé\u{1f600}]+$/u)
  expect(recordsOf(file)[1]?.[text]).toBe(text)
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 2 })
})

test('events that are no JSON objects, too large, or claim the log’s own fields are refused and harm nothing', async () => {
  const file = freshFile()
  const log = createAuditLog({ file })
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const bad: unknown[] = [
    undefined,
    null,
    'text',
    {},
    { type: 3 },
    { type: '' },
    { type: 'x', seq: 1 },
    { type: 'x', prev: '' },
    { type: 'x', hash: '' },
    { type: 'x', at: '' },
    { type: 'x', big: 1n },
    { type: 'x', cyclic },
    { type: 'x', toJSON: () => ({ seq: 9 }) },
    { type: 'x', text: bulk(1_048_576) },
  ]
  for (const event of bad) await expect(log.record(event as never)).rejects.toThrow(failsWith('ERR_AUDIT_EVENT'))
  const strange = JSON.parse('{"type":"x","__proto__":{"seq":7},"1":"first","nested":{"hash":"h"}}')
  await log.record(strange)
  await log.record({ type: 'largest', text: bulk(1_047_000) })
  expect(recordsOf(file)).toHaveLength(3)
  await log.close()
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 3 })
})

test('a log that was removed or cut while open refuses to go on as if nothing were', async () => {
  const removed = createAuditLog({ file: freshFile() })
  const file = freshFile()
  const cut = createAuditLog({ file })
  await cut.record({ type: 'call' })
  truncateSync(file, statSync(file).size - 3)
  await expect(cut.record({ type: 'call' })).rejects.toMatchObject({ code: 'ERR_AUDIT_WRITE', fault: 'unavailable' })
  expect(cut.lastError?.message).toContain('changed by someone else')
  await cut.close()
  const gone = freshFile()
  const log = createAuditLog({ file: gone })
  rmSync(gone)
  await expect(log.record({ type: 'call' })).rejects.toThrow(/was removed/)
  await log.close()
  await removed.close()
})

test('options are checked', () => {
  const file = freshFile()
  const bad = [
    {},
    { file: '' },
    { file, key: new Uint8Array(31) },
    { file, key: 'text' },
    { file, sync: 'never' },
    { file, groupMs: -1 },
    { file, groupMs: Number.NaN },
    { file, fiel: 1 },
  ]
  for (const options of bad) expect(() => createAuditLog(options as never)).toThrow(failsWith('ERR_AUDIT_OPTION'))
  expect(existsSync(file)).toBe(false)
})
