import { resolve } from 'node:path'
import { type ScanReport, scanStaged, scanTree } from '@portcullis/config-crypto/scan'
import { type ExitCode, exitCodes, usageError } from '../failure.ts'
import { wholeNumber } from '../numbers.ts'
import { formatTable, printData, printJson, printWords, safeLine } from '../output.ts'
import { openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface ScanOptions {
  readonly staged?: boolean
  readonly minLength?: string
  readonly ignore?: readonly string[]
}

const tell = ({ leaks, files, tooShort, unreadable }: ScanReport): void => {
  if (leaks.length > 0) {
    const rows = leaks.map(({ file, line, pointer, form }) => [`${file}:${line}`, pointer, form])
    printData(formatTable([['WHERE', 'SECRET', 'FORM'], ...rows]))
  }
  if (unreadable.length > 0) printWords(safeLine(`Not readable: ${unreadable.slice(0, 10).join(', ')}`))
  if (tooShort.length > 0) printWords(safeLine(`Too short to be looked for: ${tooShort.slice(0, 10).join(', ')}`))
  printWords(`Searched ${files} files, found ${leaks.length}.`)
}

export const run = async (settings: Settings, folder: string | undefined, options: ScanOptions): Promise<ExitCode> => {
  const { staged, ignore } = options
  if (staged === true && ignore) throw usageError('--ignore is for folders, not for what is staged')
  const minLength = options.minLength === undefined ? {} : { minLength: wholeNumber('--min-length', options.minLength) }
  const secrets = await openSecretsOrFail(settings)
  const where = resolve(folder ?? '.')
  const report =
    staged === true
      ? await scanStaged(secrets, where, minLength)
      : scanTree(secrets, where, { ...minLength, ...(ignore ? { ignore } : {}) })
  if (settings.json) printJson(report)
  else tell(report)
  return report.leaks.length === 0 && report.unreadable.length === 0 ? exitCodes.ok : exitCodes.findings
}
