import { assertSafe, writeFileAtomicSync } from '@portcullis-internal/files'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** What the programs write into their directory and nobody should commit. */
const ignored = ['api_keys.json', 'first-key.header', '*.key', '*.lock', 'audit/']

/** The directory of keys and logs: made for its owner alone when it is not there, refused when others can write to it. */
export const ensureDirectory = (dir: string): void => {
  if (!existsSync(dir)) mkdirSync(dir, { recursive: true, mode: 0o700 })
  assertSafe(dir, { secret: false })
  const file = join(dir, '.gitignore')
  if (!existsSync(file)) writeFileAtomicSync(file, `${ignored.join('\n')}\n`, { mode: 0o644 })
}
