import { type ExitCode, exitCodes } from '../failure.ts'
import { wholeNumber } from '../numbers.ts'
import { formatTable, printData, printJson, printWords } from '../output.ts'
import { openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface StaleOptions {
  readonly days?: string
}

export const run = async (settings: Settings, options: StaleOptions): Promise<ExitCode> => {
  const days = wholeNumber('--days', options.days ?? '90')
  const secrets = await openSecretsOrFail(settings)
  const report = secrets.stale({ days })
  const rows = [
    ...report.secrets.map(({ pointer, setOn, ageDays }) => ['value', pointer, setOn, String(ageDays)]),
    ...report.keys.map(({ kid, created, ageDays }) => ['key', kid, created, String(ageDays)]),
    ...(report.dataKey ? [['data key', '-', report.dataKey.createdOn, String(report.dataKey.ageDays)]] : []),
    ...report.overdue.map(({ kid, retires }) => ['overdue key', kid, retires, '-']),
  ]
  if (settings.json) printJson({ ...report, dataKey: report.dataKey ?? null })
  else if (rows.length > 0) printData(formatTable([['WHAT', 'NAME', 'SINCE', 'DAYS'], ...rows]))
  else printWords(`Nothing is ${days} days old or older.`)
  return rows.length === 0 ? exitCodes.ok : exitCodes.findings
}
