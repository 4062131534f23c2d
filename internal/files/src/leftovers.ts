import { readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** However slow a machine is: what a writer needs for a moment is not that old. */
const OLD_MS = 600_000

/** Removes what writers of a file that were killed left beside it. What cannot be removed stays: nothing depends on it. */
export const removeLeftovers = (path: string): void => {
  const name = basename(path)
  const isLeftover = (entry: string): boolean =>
    (entry.startsWith(`.${name}.`) && entry.endsWith('.tmp')) ||
    (entry.startsWith(`${name}.lock.`) && entry.endsWith('.new'))
  try {
    for (const entry of readdirSync(dirname(path)).filter(isLeftover)) {
      const leftover = join(dirname(path), entry)
      if (Date.now() - statSync(leftover).mtimeMs > OLD_MS) rmSync(leftover, { force: true })
    }
  } catch {}
}
