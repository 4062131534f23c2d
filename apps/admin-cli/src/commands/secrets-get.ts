import { printData, printJson } from '../output.ts'
import { checkSecretName, notFound, openSecrets } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings, name: string): Promise<void> => {
  const secrets = await openSecrets(settings)
  const entry = secrets?.names().find((candidate) => candidate.name === name)
  if (!secrets || !entry) {
    checkSecretName(name)
    throw notFound(name)
  }
  const value = secrets.get(name)
  if (settings.json) printJson({ name, sealed: entry.sealed, value })
  else printData(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
}
