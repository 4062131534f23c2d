import type { ApiKeyRecord } from '@portcullis/auth-apikey'
import { describeEnd, describeGrants, describeTime, publicRecord, stateOf, withKeys } from '../keys.ts'
import { formatTable, printData, printJson, printWords, safeLine } from '../output.ts'
import { describeSelection, isSelected, type Selection } from '../selection.ts'
import type { Settings } from '../settings.ts'

const day = (ms: number | null): string => describeTime(ms).slice(0, 10)

/** The day; for a key that is being replaced the minute, which is what its owner has to go by. */
const endIn = (record: ApiKeyRecord): string =>
  record.replaced === undefined ? day(record.expiresAtMs) : describeEnd(record).replace(/:\d\d\.\d+Z$/, 'Z')

const rowOf = (record: ApiKeyRecord, nowMs: number, usedAtMs: number | undefined): readonly string[] => [
  record.name,
  record.id,
  stateOf(record, nowMs),
  record.last4 === '' ? '-' : `...${record.last4}`,
  day(record.createdAtMs),
  endIn(record),
  usedAtMs === undefined ? '-' : day(usedAtMs),
  describeGrants(record.grants),
]

const head = ['NAME', 'ID', 'STATUS', 'KEY', 'CREATED', 'EXPIRES', 'LAST USED', 'ALLOWED']

export const run = async (settings: Settings, selection: Selection): Promise<void> => {
  const nowMs = Date.now()
  const { records, uses } = await withKeys(settings, 'read', async (keys) => ({
    records: (await keys.list()).filter(isSelected(selection)),
    uses: await keys.lastUses(),
  }))
  if (settings.json) {
    printJson({ keys: records.map((record) => publicRecord(record, nowMs, uses.get(record.id))) })
    return
  }
  if (records.length > 0) {
    printData(formatTable([head, ...records.map((record) => rowOf(record, nowMs, uses.get(record.id)))]))
    return
  }
  const whose = describeSelection(selection)
  printWords(
    whose === ''
      ? 'No keys yet: "portcullis keys create NAME --allow GRANT" makes one.'
      : safeLine(`No keys of ${whose}.`),
  )
}
