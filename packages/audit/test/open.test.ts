import { appendFileSync, chmodSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createAuditLog, verifyAuditLog } from '../src/index.ts'
import {
  bulk,
  freshFile,
  key,
  killed,
  linesOf,
  outputOf,
  putLines,
  recordsOf,
  startChild,
  writeLog,
} from './scratch.ts'

const failsWith = (code: string) => expect.objectContaining({ name: 'AuditError', code })

test('the chain goes on over restarts', async () => {
  const file = freshFile()
  for (let round = 0; round < 3; round++) await writeLog(file, 2, { key })
  expect(recordsOf(file).map((record) => record['seq'])).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'ok', records: 7 })
})

test('a torn last line is cut off and the log says how much', async () => {
  const file = freshFile()
  await writeLog(file, 2)
  appendFileSync(file, '{"seq":3,"at":"20')
  await writeLog(file, 1)
  expect(recordsOf(file).slice(3)).toMatchObject([
    { seq: 3, type: 'log.recovered', bytes: 17 },
    { seq: 4, type: 'call' },
  ])
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 5 })
})

test('a header that a crash cut short is begun anew; other content is never touched', async () => {
  for (const torn of ['{', '{"seq":0,"at":"2026']) {
    const file = freshFile()
    writeFileSync(file, torn, { mode: 0o600 })
    await writeLog(file, 1)
    expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 3 })
  }
  for (const foreign of [
    'root:x:0:0',
    'hello\n',
    '{"seq":0,"at":"x"}\n',
    '[]\n',
    '\n',
    `{"seq":0,"at":"${'x'.repeat(600)}`,
  ]) {
    const file = freshFile()
    writeFileSync(file, foreign, { mode: 0o600 })
    expect(() => createAuditLog({ file })).toThrow(failsWith('ERR_AUDIT_BROKEN'))
    expect(readFileSync(file, 'utf8')).toBe(foreign)
  }
})

test('a log that was emptied begins anew and says so; one that was not there says nothing', async () => {
  for (const options of [{}, { key }]) {
    const file = freshFile()
    await writeLog(file, 3, options)
    truncateSync(file, 0)
    await writeLog(file, 1, options)
    await writeLog(file, 1, options)
    expect(recordsOf(file)).toMatchObject([
      { seq: 0, type: 'log.created' },
      { seq: 1, type: 'log.found_empty' },
      { seq: 2, type: 'call' },
      { seq: 3, type: 'call' },
    ])
    expect(await verifyAuditLog({ file, ...options })).toMatchObject({ status: 'ok', records: 4 })
  }
  const fresh = freshFile()
  await writeLog(fresh, 1)
  expect(recordsOf(fresh).map(({ type }) => type)).toEqual(['log.created', 'call'])
})

test('the header and the word that the log was found empty are in the file once it is open', async () => {
  const file = freshFile()
  writeFileSync(file, '', { mode: 0o600 })
  const log = createAuditLog({ file })
  expect(log.head.sequence).toBe(1)
  expect(linesOf(file)).toHaveLength(2)
  await log.close()
})

test('a log whose last record was changed is not continued', async () => {
  const file = freshFile()
  await writeLog(file, 3)
  const lines = linesOf(file)
  const changed = [...lines.slice(0, -1), lines.at(-1)?.replace('"n":2', '"n":3') ?? '']
  putLines(file, changed)
  expect(() => createAuditLog({ file })).toThrow(failsWith('ERR_AUDIT_BROKEN'))
  expect(linesOf(file)).toEqual(changed)
})

test('a keyed log is not continued without its key, nor an open one with a key, nor with another key', async () => {
  const keyed = freshFile()
  const plain = freshFile()
  await writeLog(keyed, 1, { key })
  await writeLog(plain, 1)
  expect(() => createAuditLog({ file: keyed })).toThrow(failsWith('ERR_AUDIT_KEY'))
  expect(() => createAuditLog({ file: plain, key })).toThrow(failsWith('ERR_AUDIT_KEY'))
  expect(() => createAuditLog({ file: keyed, key: new Uint8Array(32) })).toThrow(failsWith('ERR_AUDIT_BROKEN'))
})

test('files that others can read or write, and symbolic links, are refused with the chmod', async () => {
  const file = freshFile()
  await writeLog(file, 1)
  chmodSync(file, 0o644)
  expect(() => createAuditLog({ file })).toThrow(`chmod 600 ${file}`)
  chmodSync(file, 0o600)
  const link = freshFile()
  symlinkSync(file, link)
  expect(() => createAuditLog({ file: link })).toThrow(failsWith('ERR_AUDIT_WRITE'))
})

test('the largest records are found again from the end', async () => {
  const file = freshFile()
  const log = createAuditLog({ file })
  for (let n = 0; n < 2; n++) await log.record({ type: 'large', text: bulk(1_047_000) })
  await log.close()
  appendFileSync(file, 'y'.repeat(1_000_000))
  await writeLog(file, 1)
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 5 })
  const tail = readFileSync(file)
  truncateSync(file, tail.lastIndexOf(0x0a, tail.length - 2) + 1)
  appendFileSync(file, 'y'.repeat(3_000_000))
  expect(() => createAuditLog({ file })).toThrow(/longer than a record/)
})

test('a second opener is refused, in this process and in another; after kill -9 it may', async () => {
  const file = freshFile()
  const child = startChild(`const log = createAuditLog({ file: ${JSON.stringify(file)} })
    await log.record({ type: 'call' }); print('open'); setInterval(() => {}, 1000)`)
  await outputOf(child).until(/open/)
  expect(() => createAuditLog({ file })).toThrow(
    expect.objectContaining({ code: 'ERR_AUDIT_LOCKED', message: expect.stringContaining(`process ${child.pid}`) }),
  )
  await killed(child)
  const log = createAuditLog({ file })
  expect(() => createAuditLog({ file })).toThrow(failsWith('ERR_AUDIT_LOCKED'))
  await log.close()
  await writeLog(file, 1)
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 3 })
})
