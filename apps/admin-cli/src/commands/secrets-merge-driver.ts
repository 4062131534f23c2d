import { resolve } from 'node:path'
import { mergeConfigs } from '@portcullis/config-crypto'
import { writeFileAtomicSync } from '@portcullis-internal/files'
import { type ExitCode, exitCodes } from '../failure.ts'
import { printWords, safeLine } from '../output.ts'
import { secretPlaces } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface MergePaths {
  readonly base: string
  readonly ours: string
  readonly theirs: string
  readonly path: string | undefined
}

/** Git takes exit code 0 for merged, and any other up to 128 for a conflict in what lies at `ours`. */
export const run = async (settings: Settings, { base, ours, theirs, path }: MergePaths): Promise<ExitCode> => {
  const { sources } = secretPlaces(settings)
  const [from, mine, yours] = [resolve(base), resolve(ours), resolve(theirs)]
  const { text, conflicts } = await mergeConfigs({ base: from, ours: mine, theirs: yours, keys: sources })
  writeFileAtomicSync(mine, text, { mode: 0o600 })
  for (const pointer of conflicts) {
    printWords(safeLine(`CONFLICT in ${path ?? ours}: both sides changed ${pointer}; it has the value of this side`))
  }
  if (conflicts.length > 0)
    printWords('Set each as it is to be with "portcullis secrets set NAME", then "git add" the file.')
  return conflicts.length === 0 ? exitCodes.ok : exitCodes.unexpected
}
