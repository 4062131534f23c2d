import { usageError } from '../failure.ts'
import { readSecret } from '../input.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import { checkSecretName, openOrCreateSecrets, refuseValues } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface SetOptions {
  readonly plain?: boolean
}

const maxValueBytes = 1_048_576

export const run = async (
  settings: Settings,
  name: string,
  options: SetOptions,
  args: readonly string[],
): Promise<void> => {
  refuseValues(args)
  checkSecretName(name)
  const value = await readSecret(`Value of ${name}`, maxValueBytes)
  if (value === '') throw usageError('the value is empty, nothing was stored')
  const sealed = options.plain !== true
  const secrets = await openOrCreateSecrets(settings)
  await secrets.set(name, value, { sealed })
  if (settings.json) printJson({ name, sealed, rev: secrets.rev })
  else printWords(safeLine(`Stored ${JSON.stringify(name)}, ${sealed ? 'sealed' : 'in plain text'}.`))
}
