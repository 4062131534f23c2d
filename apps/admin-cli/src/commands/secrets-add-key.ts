import { printJson, printWords, safeLine } from '../output.ts'
import { keySourceOf, openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings, source: string): Promise<void> => {
  const added = keySourceOf(source, settings)
  const secrets = await openSecretsOrFail(settings)
  const { kid } = await secrets.addKey(added)
  if (settings.json) printJson({ kid, source: added.source, rev: secrets.rev })
  else printWords(safeLine(`The key ${kid} of ${JSON.stringify(added.source)} opens the file too.`))
}
