import { resolve } from 'node:path'
import { importDotenv, importJson, type JsonValue } from '@portcullis/config-crypto'
import { CliError, configurationError, exitCodes, usageError } from '../failure.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import { isSecretName, openOrCreateSecrets } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface ImportOptions {
  readonly from: 'dotenv' | 'json'
  readonly plain?: readonly string[]
  readonly overwrite?: boolean
}

const readers = { dotenv: importDotenv, json: importJson }

export const run = async (settings: Settings, file: string, options: ImportOptions): Promise<void> => {
  const path = resolve(file)
  const imported = readers[options.from](path)
  const bad = imported.filter(({ name }) => !isSecretName(name)).map(({ name }) => JSON.stringify(name))
  if (bad.length > 0) {
    throw configurationError(`names are 1 to 128 of A-Z a-z 0-9 _ . -; rename first: ${bad.slice(0, 10).join(', ')}`)
  }
  const plain = new Set(options.plain)
  const unknown = [...plain].filter((name) => !imported.some((entry) => entry.name === name))
  if (unknown.length > 0) throw usageError(`the file has no ${unknown.map((name) => JSON.stringify(name)).join(', ')}`)
  const secrets = await openOrCreateSecrets(settings)
  const there = imported.filter(({ name }) => secrets.has(name)).map(({ name }) => JSON.stringify(name))
  if (there.length > 0 && options.overwrite !== true) {
    const message = `these are there already: ${there.slice(0, 10).join(', ')}; --overwrite takes those of the file`
    throw new CliError('ERR_CLI_CONFLICT', exitCodes.conflict, message)
  }
  await secrets.update((draft) => {
    for (const { name, value } of imported) draft.set(name, value as JsonValue, { sealed: !plain.has(name) })
  })
  if (settings.json) printJson({ imported: imported.map(({ name }) => name), rev: secrets.rev })
  printWords(
    safeLine(
      `Imported ${imported.length} values of ${JSON.stringify(path)}, which is still there: remove it once all is well.`,
    ),
  )
}
