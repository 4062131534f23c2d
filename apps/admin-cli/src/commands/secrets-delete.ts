import { printJson, printWords, safeLine } from '../output.ts'
import { checkSecretName, notFound, openSecrets } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings, name: string): Promise<void> => {
  checkSecretName(name)
  const secrets = await openSecrets(settings)
  if (!secrets || !(await secrets.delete(name))) throw notFound(name)
  if (settings.json) printJson({ name, deleted: true, rev: secrets.rev })
  else printWords(safeLine(`Deleted ${JSON.stringify(name)}.`))
}
