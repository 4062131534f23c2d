import { createInterface } from 'node:readline'
import { afterEach, expect, vi } from 'vitest'
import { createFileSnapshot, type FileSnapshot, type SnapshotOptions } from '../src/index.ts'
import { startChild } from './children.ts'

/** Another process, which does what it is told: `run` resolves when that is done there. */
export const startWriter = () => {
  const child = startChild(`
    import * as fs from 'node:fs'
    import { createInterface } from 'node:readline'
    for await (const line of createInterface({ input: process.stdin })) {
      try {
        new Function('fs', 'files', JSON.parse(line))(fs, files)
        print('done')
      } catch (error) {
        print(String(error))
      }
    }`)
  if (!child.stdin || !child.stdout) throw new Error('the writer has no pipes')
  const { stdin } = child
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    run: async (code: string): Promise<void> => {
      stdin.write(`${JSON.stringify(code)}\n`)
      const { value } = await answers.next()
      if (value !== 'done') throw new Error(`the writer: ${value}`)
    },
  }
}

/** A word of the code that a writer runs. */
export const quoted = (text: string): string => JSON.stringify(text)

const open: FileSnapshot<unknown>[] = []
afterEach(() => {
  for (const snapshot of open.splice(0)) snapshot.close()
})

/** A snapshot of JSON, closed after the test. The clock stands still: what is seen, the watch has said. */
export const watched = <T = unknown>(
  path: string,
  options: SnapshotOptions = {},
  parse: (text: string) => T = JSON.parse,
): FileSnapshot<T> => {
  const snapshot = createFileSnapshot(path, parse, { watch: true, clock: () => 0, ...options })
  open.push(snapshot)
  return snapshot
}
export const soon = (assertion: () => void) => vi.waitFor(assertion, { timeout: 10_000, interval: 1 })
export const seen = (snapshot: FileSnapshot<unknown>, value: unknown) =>
  soon(() => expect(snapshot.current()).toBe(value))
export const wrong = (snapshot: FileSnapshot<unknown>, what: RegExp) =>
  soon(() => expect(() => snapshot.current()).toThrow(what))
