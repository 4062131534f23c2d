import { parseKey } from '@portcullis/auth-apikey'
import { exitCodes, usageError } from '../failure.ts'
import { readSecret } from '../input.ts'
import { formatTable, printData, printJson, printWords } from '../output.ts'
import type { Settings } from '../settings.ts'

const maxBytes = 8192

/** Says what anyone can see of a key, without asking any store; the text itself is shown nowhere. */
export const run = async ({ json }: Settings, args: readonly string[]): Promise<number> => {
  if (args.length > 0) throw usageError('a key is never an argument: pipe it: portcullis keys check < FILE')
  const parts = parseKey(await readSecret('The key', maxBytes))
  if (json) printJson(parts === undefined ? { intact: false } : { intact: true, ...parts })
  if (parts === undefined) {
    printWords('Not a key of this format, or mistyped: the checksum does not hold.')
    return exitCodes.findings
  }
  if (!json)
    printData(
      formatTable([
        ['PREFIX', 'ENV', 'ID'],
        [parts.prefix, parts.env, parts.id],
      ]),
    )
  printWords('The checksum holds. Whether the key is good only its store knows: portcullis keys show ID')
  return exitCodes.ok
}
