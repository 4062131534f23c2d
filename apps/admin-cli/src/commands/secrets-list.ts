import { formatTable, printData, printJson, printWords } from '../output.ts'
import { openSecrets } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings): Promise<void> => {
  const secrets = await openSecrets(settings)
  const names = secrets?.names() ?? []
  if (settings.json) printJson({ secrets: names })
  else if (names.length > 0) {
    printData(
      formatTable([['NAME', 'STORED'], ...names.map(({ name, sealed }) => [name, sealed ? 'sealed' : 'plain'])]),
    )
  } else printWords('No secrets yet: "portcullis secrets set NAME" stores one.')
  if (secrets?.legacy) printWords('These are in a Fernet file: "portcullis secrets migrate" converts it.')
}
