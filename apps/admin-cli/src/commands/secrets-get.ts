import { printData, printJson } from '../output.ts'
import { checkSecretName, notFound, openSecrets } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings, name: string): Promise<void> => {
  const secrets = await openSecrets(settings)
  if (!secrets?.has(name)) {
    checkSecretName(name)
    throw notFound(name)
  }
  const value = secrets.get(name)
  const pointer = name.startsWith('/') ? name : `/${name}`
  const isInside = (place: string): boolean => place === pointer || place.startsWith(`${pointer}/`)
  const sealed = secrets.entries().some((entry) => entry.sealed && isInside(entry.pointer))
  if (settings.json) printJson({ name, sealed, value })
  else printData(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
}
