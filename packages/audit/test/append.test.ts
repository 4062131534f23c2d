import { once } from 'node:events'
import { expect, test } from 'vitest'
import { verifyAuditLog } from '../src/index.ts'
import { freshFile, killed, outputOf, recordsOf, startChild } from './scratch.ts'

test('a full file system: the record is refused, nothing of it stays, and a later one that fits is written', async () => {
  for (const sync of ['write', 'fsync']) {
    const file = freshFile()
    // The kernel's own limit on file size stands in for a full disk: 8 blocks of 512 or 1024 bytes, depending on the shell.
    const child = startChild(
      `process.on('SIGXFSZ', () => {})
      const log = createAuditLog({ file: ${JSON.stringify(file)}, sync: ${JSON.stringify(sync)} })
      await log.record({ type: 'small', n: 1 })
      const failed = await Promise.allSettled([
        log.record({ type: 'large', text: Array(20).fill('x'.repeat(1000)) }),
        log.record({ type: 'with it' }),
      ])
      print(failed.map(({ reason }) => reason.code + ' ' + reason.fault).join(', '))
      print(String(log.lastError?.code) + ' at ' + log.head.sequence)
      await log.record({ type: 'small', n: 2 })
      print(String(log.lastError))
      await log.close()
      print('closed')`,
      'ulimit -f 8; exec "$0" "$@"',
    )
    const text = await outputOf(child).until(/closed/)
    expect(text.split('\n')).toEqual([
      'ERR_AUDIT_WRITE unavailable, ERR_AUDIT_WRITE unavailable',
      'ERR_AUDIT_WRITE at 1',
      'undefined',
      'closed',
      '',
    ])
    expect(recordsOf(file).map((record) => record['type'])).toEqual(['log.created', 'small', 'small'])
    expect(await verifyAuditLog({ file })).toMatchObject({ status: 'ok', records: 3 })
  }
})

test('after kill -9 every acknowledged record is there, and the log goes on', { timeout: 120_000 }, async () => {
  const rounds = process.env['PORTCULLIS_LONG'] === '1' ? 200 : 5
  let file = ''
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    // The log goes on over restarts; a new one now and then keeps the time of verifying it small.
    if (round % 5 === 0) {
      file = freshFile()
      acknowledged = 0
    }
    const child = startChild(`const log = createAuditLog({ file: ${JSON.stringify(file)} })
      print('open')
      for (;;) {
        await Promise.all(Array.from({ length: 20 }, async (_, n) => {
          await log.record({ type: 'call', n, text: 'x'.repeat(n * 100) })
        }))
        print(String(log.head.sequence))
      }`)
    const output = outputOf(child)
    await output.until(/open\n[0-9]+\n/)
    await new Promise((resolve) => setTimeout(resolve, (round % 5) * 7))
    await killed(child)
    acknowledged = Number(output.text().split('\n').at(-2))
    const report = await verifyAuditLog({ file })
    expect(report.status).not.toBe('broken')
    expect(report.head?.sequence).toBeGreaterThanOrEqual(acknowledged)
  }
  expect(acknowledged).toBeGreaterThanOrEqual(5 * 20)
})

test('a process with a closed log, or one that only waits for records, ends by itself', async () => {
  const child = startChild(`const log = createAuditLog({ file: ${JSON.stringify(freshFile())}, groupMs: 5 })
    await log.record({ type: 'call' }); print('done')`)
  const output = outputOf(child)
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(output.text()).toBe('done\n')
})
