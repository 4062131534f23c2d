import { Session } from 'node:inspector/promises'

/**
 * Counts how often the blocks of this package's code run, and the characters that methods of strings go through on their behalf: steps, not seconds. V8's precise coverage counts
 * every block of every function, so that no loop is left out and the code under test stays as it is shipped.
 */
export async function countSteps(run: () => void): Promise<number> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
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
    await session.post('Profiler.stopPreciseCoverage')
    return steps
  } finally {
    session.disconnect()
  }
}

const WHOLE = [
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
  const originals = WHOLE.map((name) => [name, prototype[name]] as const)
  for (const [name, original] of originals) {
    prototype[name] = function counted(this: string, ...args: unknown[]): unknown {
      const result = (original as (...args: unknown[]) => unknown).apply(this, args)
      if (name === 'slice') characters += Math.min((result as string).length, 64)
      else if (name === 'indexOf')
        characters +=
          (result as number) < 0 ? this.length - Number(args[1] ?? 0) : (result as number) - Number(args[1] ?? 0)
      else if (name === 'lastIndexOf')
        characters += Math.min(Number(args[1] ?? this.length), this.length) - Math.max(0, result as number)
      else if (name === 'startsWith' || name === 'endsWith' || name === 'codePointAt') characters += 1
      else characters += this.length
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
