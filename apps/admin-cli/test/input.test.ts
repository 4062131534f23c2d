import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { askYes } from '../src/input.ts'

const answer = async (...chunks: readonly string[]): Promise<boolean> => {
  const terminal = new PassThrough()
  const asked = askYes(terminal as never)
  for (const chunk of chunks) terminal.write(chunk)
  terminal.end()
  return asked
}

test('nothing but yes and the end of a line is a yes', async () => {
  for (const chunks of [['yes\n'], ['y', 'es', '\r\n'], ['yes\nno\n']]) expect(await answer(...chunks)).toBe(true)
  for (const chunks of [[], ['\n'], ['y\n'], ['YES\n'], ['yes'], ['yesterday\n'], [' yes\n'], ['no\nyes\n']]) {
    expect([chunks, await answer(...chunks)]).toEqual([chunks, false])
  }
  expect(await answer('x'.repeat(2000), '\nyes\n')).toBe(false)
})
