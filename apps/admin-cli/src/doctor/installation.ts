import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { assertSafe, FileError, readTextFile, shellQuote } from '@portcullis-internal/files'
import type { Settings } from '../settings.ts'
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

const configFileOf = ({ dir, configFile }: Settings): string | undefined =>
  configFile ??
  ['portcullis.yaml', 'portcullis.yml', 'portcullis.json']
    .map((name) => join(dir, name))
    .find((file) => statOf(file) !== undefined)

/** Where parsing failed; the parser's own message quotes the file, which may hold secrets. */
const problemOf = async (file: string, text: string): Promise<string | undefined> => {
  const { LineCounter, parseDocument } = await import('yaml')
  if (file.endsWith('.json')) {
    try {
      JSON.parse(text)
      return undefined
    } catch {
      return 'is not JSON'
    }
  }
  const lineCounter = new LineCounter()
  const [error] = parseDocument(text, { lineCounter }).errors
  if (!error) return undefined
  const { line, col } = lineCounter.linePos(error.pos[0])
  return `is not YAML: ${error.code} at line ${line}, column ${col}`
}

export const configuration: Check = async (settings) => {
  const id = 'configuration'
  const file = configFileOf(settings)
  if (file === undefined) return ok(id, 'no configuration file: defaults apply')
  try {
    const problem = await problemOf(file, readTextFile(file, { secret: false }))
    return problem
      ? fail(id, `${JSON.stringify(file)} ${problem}`, 'mend the file')
      : ok(id, `${JSON.stringify(file)} parses`)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return failedBy(id, error, 'put it there, or name another with --config')
  }
}

export const gitignore: Check = ({ dir }) => {
  const id = 'gitignore'
  return !statOf(dir)?.isDirectory() || statOf(join(dir, '.gitignore'))
    ? ok(id, 'what is written here stays out of version control')
    : warn(id, `${JSON.stringify(dir)} has no .gitignore`, `printf '*\\n' > ${shellQuote(join(dir, '.gitignore'))}`)
}
