import fc from 'fast-check'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readLines } from '../src/stdio/lines.ts'

const read = async (chunks: readonly Buffer[], maxBytes = 100): Promise<{ lines: string[]; tooLong: number }> => {
  const input = new PassThrough()
  const lines: string[] = []
  let tooLong = 0
  readLines(
    input,
    maxBytes,
    (line) => lines.push(line.toString()),
    () => tooLong++,
  )
  for (const chunk of chunks) input.write(chunk)
  input.end()
  await new Promise((resolve) => input.once('end', resolve))
  return { lines, tooLong }
}

describe('readLines', () => {
  it('finds the same lines however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).map((line) => line.replaceAll('\n', ''))),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        async (lines, cuts) => {
          const whole = Buffer.from(lines.map((line) => `${line}\n`).join(''))
          const chunks: Buffer[] = []
          for (let at = 0; at < whole.length; ) {
            const length = cuts.next().value as number
            chunks.push(whole.subarray(at, at + length))
            at += length
          }
          expect(await read(chunks, 1000)).toEqual({ lines, tooLong: 0 })
        },
      ),
      { numRuns: 100 },
    )
  })

  it('drops a line that is too long, says so once, and goes on with the next', async () => {
    const long = Buffer.alloc(1000, 'x')
    expect(await read([Buffer.from('a\n'), long, long, Buffer.from('\nb\n')])).toEqual({
      lines: ['a', 'b'],
      tooLong: 1,
    })
    expect(await read([Buffer.alloc(100, 'x'), Buffer.from('\n')])).toMatchObject({ tooLong: 0 })
    expect(await read([Buffer.alloc(101, 'x'), Buffer.from('\n')])).toEqual({ lines: [], tooLong: 1 })
  })

  it('keeps what has no end to itself', async () => {
    expect(await read([Buffer.from('a\nhalf a message')])).toEqual({ lines: ['a'], tooLong: 0 })
  })
})
