import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { assertSafe, FileError, shellQuote } from '@portcullis-internal/files'
import { type Check, failedBy, type Finding, fail, ok, statOf, warn } from './finding.ts'

export const nodeVersion: Check = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 20 || (major === 20 && minor >= 19)
    ? ok('node', `Node.js ${process.versions.node}`)
    : fail('node', `Node.js ${process.versions.node} is older than 20.19`, 'install Node.js 24')
}

export const directory: Check = ({ dir, dirNamed }) => {
  const id = 'directory'
  const stat = statOf(dir)
  if (!stat) {
    return dirNamed
      ? fail(id, `${JSON.stringify(dir)} does not exist`, `mkdir -m 700 ${shellQuote(dir)}, or name another with --dir`)
      : ok(id, `${JSON.stringify(dir)} does not exist yet; the first key makes it`)
  }
  if (!stat.isDirectory()) return fail(id, `${JSON.stringify(dir)} is not a folder`, 'name another with --dir')
  try {
    assertSafe(dir, { secret: false })
    return ok(id, `${JSON.stringify(dir)} is safe`)
  } catch (error) {
    return failedBy(id, error, '')
  }
}

const secretNames = (dir: string): string[] => {
  try {
    return readdirSync(dir).filter((name) => name === 'first-key.header' || name.endsWith('.key'))
  } catch {
    // The check of the directory says what is wrong with it.
    return []
  }
}

export const secretFiles: Check = ({ dir }) => {
  const id = 'secret-files'
  const names = secretNames(dir)
  const findings = names.flatMap((name): Finding[] => {
    try {
      assertSafe(join(dir, name), { secret: true })
      return []
    } catch (error) {
      return [failedBy(id, error, '')]
    }
  })
  if (findings.length > 0) return findings
  return ok(
    id,
    names.length === 0 ? 'no files with secrets in plain text' : `${names.join(', ')}: readable by you alone`,
  )
}

export const configuration: Check = async (settings) => {
  const id = 'configuration'
  const { configurationOf, configurationFileOf } = await import('../configuration.ts')
  const file = configurationFileOf(settings)
  try {
    // As the server reads it: every key, every reference, the secrets.
    configurationOf(settings)
    return file === undefined
      ? ok(id, 'no configuration file: defaults apply')
      : ok(id, `${JSON.stringify(file)} is what the server would read`)
  } catch (error) {
    // A file that is unsafe has a fix of its own.
    const file = ((error as Error).cause as Error | undefined)?.cause
    const fix = 'mend the file, or name another with --config'
    return file instanceof FileError ? failedBy(id, file, fix) : fail(id, (error as Error).message, fix)
  }
}

export const gitignore: Check = ({ dir }) => {
  const id = 'gitignore'
  return !statOf(dir)?.isDirectory() || statOf(join(dir, '.gitignore'))
    ? ok(id, 'what is written here stays out of version control')
    : warn(id, `${JSON.stringify(dir)} has no .gitignore`, `printf '*\\n' > ${shellQuote(join(dir, '.gitignore'))}`)
}
