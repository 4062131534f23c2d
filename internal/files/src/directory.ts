import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomicSync } from './atomic.ts'
import { errnoOf, FileError, reasonOf } from './errors.ts'
import { assertSafe } from './safety.ts'

const ignored = `# What Portcullis writes: keys, their hashes and the audit log stay out of version control.
.gitignore
api_keys.json
api_keys.json.uses
secure_config.json
*.fernet
first-key.header
*.key
audit/
*.lock
*.lock.*
.*.tmp
`

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw new FileError('ERR_FILE_READ', `${JSON.stringify(path)} cannot be looked into: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

/**
 * The directory of keys, configuration and logs: made for its owner alone (mode 0700, with a `.gitignore`) where it is absent, refused where others
 * can write to it.
 * @throws FileError `ERR_FILE_WRITE`, `ERR_FILE_READ`, `ERR_FILE_UNSAFE`
 */
export const prepareDirectory = (path: string): void => {
  if (!isDirectory(path)) {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new FileError(
        'ERR_FILE_WRITE',
        `the directory ${JSON.stringify(path)} cannot be made: ${reasonOf(error)}`,
        { cause: error },
      )
    }
  }
  assertSafe(path, { secret: false })
  const file = join(path, '.gitignore')
  if (statSync(file, { throwIfNoEntry: false }) === undefined) writeFileAtomicSync(file, ignored, { mode: 0o644 })
}
