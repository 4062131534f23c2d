import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createAuditLog, verifyAuditLog } from '../src/index.ts'
import { freshFile, key, linesOf, putLines, writeLog } from './scratch.ts'

const keyedLog = async (count: number) => {
  const file = freshFile()
  await writeLog(file, count, { key })
  return { file, lines: linesOf(file) }
}

test('a good log reports its records and head, the same head as the log itself', async () => {
  const file = freshFile()
  const log = createAuditLog({ file, key })
  await log.record({ type: 'call' })
  const report = { status: 'ok', records: 2, head: log.head }
  expect(await verifyAuditLog({ file, key })).toEqual(report)
  await log.close()
  expect(await verifyAuditLog({ file, key })).toEqual(report)
})

test('deletion, insertion, repetition and exchange of lines are found at their line', async () => {
  const { file, lines } = await keyedLog(4)
  const [header = '', one = '', two = '', three = '', four = ''] = lines
  const cases: [string[], number][] = [
    [[header, two, three, four], 2],
    [[header, one, three, four], 3],
    [[one, two, three, four], 1],
    [[header, two, one, three, four], 2],
    [[header, one, one, two, three, four], 3],
    [[header, one, '', two, three, four], 3],
    [[header, one, '{}', two, three, four], 3],
    [[header, header, one, two, three, four], 2],
    [['', header, one, two, three, four], 1],
    [[header, one, two, `${three} `, four], 4],
    [[header, one, two, ` ${three}`, four], 4],
    [[header, one, two, `${three}\r`, four], 4],
  ]
  for (const [changed, line] of cases) {
    putLines(file, changed)
    expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'broken', line, records: line - 1 })
  }
})

test('lines of another log with the same key do not fit in', async () => {
  const first = await keyedLog(3)
  const second = await keyedLog(3)
  putLines(first.file, [...first.lines.slice(0, 3), second.lines[3] ?? ''])
  expect(await verifyAuditLog({ file: first.file, key })).toMatchObject({ status: 'broken', line: 4 })
})

test('a log rewritten without the key is not taken for the keyed one', async () => {
  const { file } = await keyedLog(2)
  const forged = freshFile()
  await writeLog(forged, 2)
  writeFileSync(file, readFileSync(forged))
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'broken', line: 1 })
  const renamed = linesOf(forged).map((line) => line.replace('"keyed":false', '"keyed":true'))
  let prev = ''
  putLines(
    file,
    renamed.map((line) => {
      const open = line.replace(/"prev":"[^"]*","hash":"[^"]*"\}$/, `"prev":"${prev}"`)
      prev = createHash('sha256').update(prev).update(`${open}}`).digest('base64url')
      return `${open},"hash":"${prev}"}`
    }),
  )
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'broken', line: 1 })
})

test('the documented hash is the one in the file', async () => {
  const file = freshFile()
  await writeLog(file, 1)
  const [header = '', one = ''] = linesOf(file)
  const split = (line: string) => /^(.*),"hash":"([^"]*)"\}$/.exec(line) ?? []
  const [, headerOpen = '', headerHash = ''] = split(header)
  const [, oneOpen = '', oneHash = ''] = split(one)
  expect(createHash('sha256').update(`${headerOpen}}`).digest('base64url')).toBe(headerHash)
  expect(createHash('sha256').update(headerHash).update(`${oneOpen}}`).digest('base64url')).toBe(oneHash)
})

test('a torn tail is told from a broken chain', async () => {
  const { file, lines } = await keyedLog(3)
  truncateSync(file, readFileSync(file).length - 1)
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'torn_tail', records: 3, line: 4 })
  putLines(file, lines)
  appendFileSync(file, '{"seq":4')
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'torn_tail', records: 4, line: 5 })
  for (const bad of ['', '{"seq":0', 'text']) {
    writeFileSync(file, bad)
    expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'broken', records: 0, line: 1 })
  }
})

test('records cut off the end are seen with a remembered head, and only with one', async () => {
  const file = freshFile()
  const log = createAuditLog({ file, key })
  await log.record({ type: 'call' })
  await log.record({ type: 'call' })
  const expectHead = log.head
  await log.record({ type: 'later' })
  await log.close()
  expect(await verifyAuditLog({ file, key, expectHead })).toMatchObject({ status: 'ok', records: 4 })
  putLines(file, linesOf(file).slice(0, 2))
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'ok', records: 2 })
  expect(await verifyAuditLog({ file, key, expectHead })).toMatchObject({ status: 'broken', line: 3 })
  await writeLog(file, 3, { key })
  expect(await verifyAuditLog({ file, key, expectHead })).toMatchObject({
    status: 'broken',
    line: 3,
    reason: 'record 2 is not the one remembered',
  })
})

test('a keyed log needs its key, a log must be there, and options are checked', async () => {
  const { file } = await keyedLog(1)
  await expect(verifyAuditLog({ file })).rejects.toMatchObject({ code: 'ERR_AUDIT_KEY' })
  await expect(verifyAuditLog({ file: `${file}.none` })).rejects.toMatchObject({ code: 'ERR_AUDIT_FILE' })
  for (const options of [{ file, expected: 1 }, { file, expectHead: { sequence: -1, hash: '' } }, { file: 3 }]) {
    await expect(verifyAuditLog(options as never)).rejects.toMatchObject({ code: 'ERR_AUDIT_OPTION' })
  }
})

test('a file without newlines is refused without reading it into memory', async () => {
  const file = freshFile()
  writeFileSync(file, Buffer.alloc(8 * 1_048_576, 'x'))
  expect(await verifyAuditLog({ file })).toMatchObject({ status: 'broken', reason: expect.stringContaining('longer') })
})
