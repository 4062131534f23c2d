import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { reasonOf } from '@portcullis-internal/files'
import { ConfigError, refuseUnknown } from '../errors.ts'
import type { Readable } from '../redact/sensitive.ts'
import { type Leak, searchIn } from './search.ts'
import { finderOf, type ScanReport } from './tree.ts'

/** What git says on standard output, piece by piece. */
const git = async (folder: string, args: readonly string[], onData: (chunk: Buffer) => void): Promise<void> => {
  const child = spawn('git', ['-C', folder, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: Buffer[] = []
  child.stdout.on('data', onData)
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk))
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    if (code === 0) return
    const [line = ''] = Buffer.concat(said).toString('utf8').split('\n')
    throw new ConfigError('ERR_CONFIG_READ', `git ${args[0]} failed: ${JSON.stringify(line.slice(0, 200))}`)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('ERR_CONFIG_READ', `git cannot be run: ${reasonOf(cause)}`, { cause })
  }
}

const output = async (folder: string, args: readonly string[]): Promise<string> => {
  const chunks: Buffer[] = []
  await git(folder, args, (chunk) => chunks.push(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * Searches what is staged in the git repository of a folder, as the next commit would have it: every file that the commit adds or changes, as a whole.
 * @throws ConfigError `ERR_CONFIG_READ` where there is no repository or no git, `ERR_CONFIG_OPTIONS`
 */
export const scanStaged = async (
  config: Readable,
  folder: string,
  options: { readonly minLength?: number } = {},
): Promise<ScanReport> => {
  refuseUnknown('scanStaged', options, ['minLength'])
  const finder = finderOf(config, options.minLength)
  const root = (await output(folder, ['rev-parse', '--show-toplevel'])).replace(/\n$/, '')
  const staged = ['diff', '--cached', '--name-only', '-z', '--no-renames', '--diff-filter=ACMT', '--ignore-submodules']
  const files = (await output(root, staged)).split('\0').filter((file) => file !== '')
  const leaks: Leak[] = []
  const unreadable: string[] = []
  for (const file of files) {
    const search = searchIn(finder, file)
    try {
      // With its stage: `:0:a` would be the file `a`.
      await git(root, ['cat-file', 'blob', `:0:${file}`], (chunk) => search.push(chunk))
      leaks.push(...search.end())
    } catch {
      unreadable.push(file)
    }
  }
  return { leaks, files: files.length, tooShort: finder.tooShort, unreadable }
}
