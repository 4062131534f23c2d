import { readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAuditLog, verifyAuditLog } from '../src/index.ts'
import { freshFile, key, recordsOf, writeLog } from './scratch.ts'

type Edit = { kind: 'set' | 'insert' | 'delete' | 'swap'; at: number; to: number; byte: number }
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'swap'),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  to: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x0a, 0x20, 0x22, 0x5c, 0x7b, 0x7d)),
})

const apply = (bytes: Buffer, { kind, at, to, byte }: Edit): Buffer => {
  const index = Math.floor(at * bytes.length)
  const before = bytes.subarray(0, index)
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(index + 1)])
    case 'insert':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(index)])
    case 'delete':
      return Buffer.concat([before, bytes.subarray(index + 1)])
    case 'swap': {
      const lines = bytes.toString('latin1').split('\n')
      const [one, two] = [at, to].map((share) => Math.floor(share * (lines.length - 1)))
      const [first = '', second = ''] = [lines[one ?? 0], lines[two ?? 0]]
      lines[one ?? 0] = second
      lines[two ?? 0] = first
      return Buffer.from(lines.join('\n'), 'latin1')
    }
  }
}

test('no edit of any byte or line goes unseen', async () => {
  const file = freshFile()
  await writeLog(file, 5, { key })
  const original = readFileSync(file)
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      const changed = edits.reduce(apply, original)
      writeFileSync(file, changed)
      const { status } = await verifyAuditLog({ file, key })
      expect(status === 'ok').toBe(changed.equals(original))
    }),
    { numRuns: 400 },
  )
})

test('a cut anywhere but between whole records is seen', async () => {
  const file = freshFile()
  await writeLog(file, 3, { key })
  const original = readFileSync(file)
  for (let length = 0; length < original.length; length += 7) {
    writeFileSync(file, original.subarray(0, length))
    const { status } = await verifyAuditLog({ file, key })
    expect(status).toBe(
      length > 0 && original[length - 1] === 0x0a
        ? 'ok'
        : original.subarray(0, length).includes(0x0a)
          ? 'torn_tail'
          : 'broken',
    )
  }
})

test('whatever JSON is recorded comes back as it was', async () => {
  const file = freshFile()
  const log = createAuditLog({ file, key })
  let records = 1
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), fc.jsonValue(), async (type, value) => {
      await log.record({ type, value })
      records++
    }),
    { numRuns: 200 },
  )
  const seen: unknown[] = []
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { noNullPrototype: true }),
      async (fields) => {
        const { seq, at, prev, hash, ...rest } = fields
        const event = { ...rest, type: 'x' }
        await log.record(event)
        seen.push(JSON.parse(JSON.stringify(event)))
      },
    ),
    { numRuns: 200 },
  )
  await log.close()
  expect(await verifyAuditLog({ file, key })).toMatchObject({ status: 'ok', records: records + seen.length })
  const back = recordsOf(file)
    .slice(records)
    .map(({ seq, at, prev, hash, ...event }) => event)
  expect(back).toEqual(seen)
})
