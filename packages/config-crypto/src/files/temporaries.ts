import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const suffix = /^[0-9a-f]{18}\.tmp$/

/** Removes what a killed writer of this file left. Only for who holds its lock: nobody else is writing then. */
export const sweepTemporaries = (path: string): void => {
  const prefix = `.${basename(path)}.`
  try {
    for (const entry of readdirSync(dirname(path))) {
      if (entry.startsWith(prefix) && suffix.test(entry.slice(prefix.length))) {
        rmSync(join(dirname(path), entry), { force: true })
      }
    }
  } catch {
    // Whoever comes next tries again.
  }
}
