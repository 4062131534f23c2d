import { describeGrants, describeTime, openKeys, publicRecord, stateOf } from '../keys.ts'
import { formatTable, printData, printJson, printWords } from '../output.ts'
import type { Settings } from '../settings.ts'

export const run = async (settings: Settings): Promise<void> => {
  const nowMs = Date.now()
  const records = await openKeys(settings).list()
  if (settings.json) {
    printJson({ keys: records.map((record) => publicRecord(record, nowMs)) })
    return
  }
  if (records.length === 0) {
    printWords('No keys yet: "portcullis keys create NAME --allow GRANT" makes one.')
    return
  }
  const rows = records.map((record) => [
    record.name,
    record.id,
    stateOf(record, nowMs),
    record.last4 === '' ? '-' : `...${record.last4}`,
    describeTime(record.createdAtMs).slice(0, 10),
    describeTime(record.expiresAtMs).slice(0, 10),
    describeGrants(record.grants),
  ])
  printData(formatTable([['NAME', 'ID', 'STATUS', 'KEY', 'CREATED', 'EXPIRES', 'ALLOWED'], ...rows]))
}
