import type { Config } from '@portcullis/config-crypto'
import { usageError } from '../failure.ts'
import { wholeNumber } from '../numbers.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import { keySourceOf, openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface RotateOptions {
  readonly to?: string
  readonly graceDays?: string
  readonly dataKey?: boolean
  readonly finish?: boolean
}

const rotateKey = async (settings: Settings, secrets: Config, options: RotateOptions): Promise<void> => {
  const graceDays = wholeNumber('--grace-days', options.graceDays ?? '0')
  const to = options.to === undefined ? {} : { to: keySourceOf(options.to, settings) }
  const rotation = await secrets.rotateKey({ ...to, graceDays })
  if (settings.json) return printJson({ ...rotation, rev: secrets.rev })
  printWords(safeLine(`The file is opened by the key ${rotation.kid} now.`))
  if (rotation.retiring.length > 0)
    printWords(safeLine(`For ${graceDays} days ${rotation.retiring.join(', ')} opens it too.`))
  if (options.to !== undefined) printWords('Name its source in secrets.keys, before the one that it replaces.')
  printWords('"portcullis secrets rotate --finish" removes old keys once no copy and no other file needs them.')
}

const rotateDataKey = async (settings: Settings, secrets: Config): Promise<void> => {
  await secrets.rotateDataKey()
  if (settings.json) printJson({ dataKey: true, rev: secrets.rev })
  else
    printWords('All values are sealed under a new data key. What others may know must be replaced where it was issued.')
}

const finish = async (settings: Settings, secrets: Config): Promise<void> => {
  const { dropped } = await secrets.finishRotation()
  if (settings.json) printJson({ dropped, rev: secrets.rev })
  else printWords(safeLine(dropped.length === 0 ? 'There were no old keys.' : `Removed ${dropped.join(', ')}.`))
}

export const run = async (settings: Settings, options: RotateOptions): Promise<void> => {
  const modes = [
    options.dataKey === true,
    options.finish === true,
    options.to !== undefined || options.graceDays !== undefined,
  ]
  if (modes.filter(Boolean).length > 1) {
    throw usageError('--data-key, --finish, and --to with --grace-days are done one by one')
  }
  const secrets = await openSecretsOrFail(settings)
  if (options.finish === true) await finish(settings, secrets)
  else if (options.dataKey === true) await rotateDataKey(settings, secrets)
  else await rotateKey(settings, secrets, options)
}
