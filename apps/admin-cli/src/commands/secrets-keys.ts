import { formatTable, printData, printJson } from '../output.ts'
import { openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings): Promise<void> => {
  const table = (await openSecretsOrFail(settings)).keyTable()
  if (settings.json) printJson({ keys: table })
  else {
    const rows = table.map(({ kid, kind, created, retires, inUse }) => [
      kid,
      kind,
      created,
      retires ?? '-',
      inUse ? 'yes' : 'no',
    ])
    printData(formatTable([['KEY', 'KIND', 'CREATED', 'RETIRES', 'IN USE'], ...rows]))
  }
}
