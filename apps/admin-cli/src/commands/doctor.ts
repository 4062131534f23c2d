import { audit } from '../doctor/audit.ts'
import { environmentConflict, environmentKey } from '../doctor/environment.ts'
import { type Check, failedBy, type Finding } from '../doctor/finding.ts'
import { configuration, directory, gitignore, nodeVersion, secretFiles } from '../doctor/installation.ts'
import { keys } from '../doctor/keys.ts'
import { secrets } from '../doctor/secrets.ts'
import { exitCodes } from '../failure.ts'
import { formatTable, printData, printJson, printWords, safeLine } from '../output.ts'
import type { Settings } from '../settings.ts'

const checks: Readonly<Record<string, Check>> = {
  node: nodeVersion,
  directory,
  gitignore,
  'secret-files': secretFiles,
  configuration,
  'key-file': keys,
  'environment-key': environmentKey,
  'environment-conflict': environmentConflict,
  secrets,
  'audit-log': audit,
}

export const run = async (settings: Settings): Promise<number> => {
  const findings: Finding[] = []
  for (const [id, check] of Object.entries(checks)) {
    try {
      findings.push(...[await check(settings)].flat())
    } catch (error) {
      // What stops one check is what was looked for: the others go on.
      findings.push(failedBy(id, error, 'see what the message names'))
    }
  }
  const found = findings.filter((finding) => finding.status !== 'ok')
  if (settings.json) {
    const status = found.some((finding) => finding.status === 'fail') ? 'fail' : found.length > 0 ? 'warn' : 'ok'
    printJson({ status, checks: findings })
  } else {
    const rows = findings.map(({ id, status, message }) => [status.toUpperCase(), id, safeLine(message)])
    printData(formatTable([['STATUS', 'CHECK', 'FOUND'], ...rows]))
    for (const { id, fix } of found) printWords(safeLine(`${id}: ${fix}`))
  }
  return found.length === 0 ? exitCodes.ok : exitCodes.findings
}
