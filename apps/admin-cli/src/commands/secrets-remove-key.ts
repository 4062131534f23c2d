import { CliError, exitCodes } from '../failure.ts'
import { printData, printJson, printWords, safeLine } from '../output.ts'
import { openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings, kid: string): Promise<void> => {
  const secrets = await openSecretsOrFail(settings)
  if (!secrets.keyTable().some((entry) => entry.kid === kid)) {
    throw new CliError(
      'ERR_CLI_NOT_FOUND',
      exitCodes.notFound,
      'no such key opens the file: "portcullis secrets keys" shows those that do',
    )
  }
  const { secrets: known } = await secrets.removeKey(kid)
  if (settings.json) return printJson({ kid, removed: true, toReplace: known, rev: secrets.rev })
  printWords(
    safeLine(
      `The key ${kid} opens the file no longer. Who has it may know these; replace them where they were issued:`,
    ),
  )
  printData(known.map((pointer) => `${safeLine(pointer)}\n`).join(''))
}
