import { Session } from 'node:inspector/promises'

export interface StepCounter {
  /**
   * How often the blocks of this package's code ran, and how many characters native methods of strings went through on their behalf: steps, not seconds. V8's precise coverage
   * counts every block of every function, so that no loop is left out and the code under test stays as it is shipped.
   */
  count(run: () => void): Promise<number>
  close(): void
}

export async function openStepCounter(): Promise<StepCounter> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    async count(run) {
      // What was counted so far is thrown away.
      await session.post('Profiler.takePreciseCoverage')
      const strings = countStrings()
      try {
        run()
      } finally {
        strings.restore()
      }
      const { result } = await session.post('Profiler.takePreciseCoverage')
      let steps = strings.characters()
      for (const { url, functions } of result) {
        if (!url.includes('/packages/validator/src/')) continue
        for (const { ranges } of functions) for (const { count } of ranges) steps += count
      }
      return steps
    },
    close: () => session.disconnect(),
  }
}

const COUNTED = [
  'slice',
  'toLowerCase',
  'toUpperCase',
  'normalize',
  'replace',
  'replaceAll',
  'split',
  'trim',
  'includes',
  'indexOf',
  'lastIndexOf',
  'startsWith',
  'endsWith',
  'codePointAt',
] as const

/** What native methods go through: for a search up to what was found, for a copy what was copied, else the whole. */
function countStrings(): { characters: () => number; restore: () => void } {
  let characters = 0
  const prototype = String.prototype as unknown as Record<string, (...args: unknown[]) => unknown>
  const originals = COUNTED.map((name) => [name, prototype[name]] as const)
  for (const [name, original] of originals) {
    prototype[name] = function counted(this: string, ...args: unknown[]): unknown {
      const result = (original as (...args: unknown[]) => unknown).apply(this, args)
      characters += costOf(name, this, args, result)
      return result
    }
  }
  return {
    characters: () => characters,
    restore: () => {
      for (const [name, original] of originals) prototype[name] = original as (...args: unknown[]) => unknown
    },
  }
}

function costOf(name: (typeof COUNTED)[number], text: string, args: readonly unknown[], result: unknown): number {
  switch (name) {
    case 'slice':
      // A long slice is a view of its parent.
      return Math.min((result as string).length, 64)
    case 'indexOf': {
      const from = Number(args[1] ?? 0)
      return ((result as number) < 0 ? text.length : (result as number)) - from
    }
    case 'lastIndexOf':
      return Math.min(Number(args[1] ?? text.length), text.length) - Math.max(0, result as number)
    case 'startsWith':
    case 'endsWith':
    case 'codePointAt':
      return 1
    default:
      return text.length
  }
}
