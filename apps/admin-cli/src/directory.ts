import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { assertSafe, errnoOf, reasonOf, writeFileAtomicSync } from '@portcullis-internal/files'
import { configurationError } from './failure.ts'

const ignored = `# Written by portcullis: keys, their hashes and the audit trail stay out of version control.
api_keys.json
first-key.header
*.key
audit/
*.lock
*.lock.*
.*.tmp
`

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw configurationError(`${JSON.stringify(path)} cannot be looked into: ${reasonOf(error)}`, error)
  }
}

/** Makes the configuration folder (mode 0700) and its `.gitignore` where they are absent, and refuses one that others can write. */
export const prepareDirectory = (dir: string): void => {
  if (!isFolder(dir)) {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw configurationError(`the folder ${JSON.stringify(dir)} cannot be made: ${reasonOf(error)}`, error)
    }
  }
  assertSafe(dir, { secret: false })
  const file = join(dir, '.gitignore')
  if (statSync(file, { throwIfNoEntry: false }) === undefined) writeFileAtomicSync(file, ignored, { mode: 0o644 })
}
