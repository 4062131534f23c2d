import { migrateLegacy, readLegacyKeys } from '@portcullis/auth-apikey'
import { isLegacyAt, publicRecord } from '../keys.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import { keyFileOf, type Settings } from '../settings.ts'

const weakBelow = 32

export const run = async (settings: Settings): Promise<void> => {
  const file = keyFileOf(settings)
  const weak = isLegacyAt(file)
    ? readLegacyKeys(file)
        .entries.filter((entry) => entry.key.length < weakBelow)
        .map((entry) => entry.name)
    : []
  const records = await migrateLegacy(file)
  if (settings.json) printJson({ migrated: records.map((record) => publicRecord(record, Date.now())) })
  if (records.length === 0) {
    printWords(safeLine(`${JSON.stringify(file)} holds no plain-text keys: nothing to do.`))
    return
  }
  printWords(
    safeLine(
      `Migrated ${records.length} keys in ${JSON.stringify(file)}: they work as before, only their hashes are kept.`,
    ),
  )
  if (weak.length > 0) {
    printWords(
      safeLine(
        `Keys shorter than ${weakBelow} characters can be guessed; replace them: ${weak.map((name) => JSON.stringify(name)).join(', ')}`,
      ),
    )
  }
}
