import { withKeys, withoutHash } from '../keys.ts'
import { printJson } from '../output.ts'
import type { Settings } from '../settings.ts'

/** All records as they are kept, less their hashes: what keys there are, not what they are. Nothing can be restored from it. */
export const run = async (settings: Settings): Promise<void> => {
  const { records, uses } = await withKeys(settings, 'read', async (keys) => ({
    records: await keys.list(),
    uses: await keys.lastUses(),
  }))
  const keys = records.map((record) => {
    const lastUsedAtMs = uses.get(record.id)
    return { ...withoutHash(record), ...(lastUsedAtMs === undefined ? {} : { lastUsedAtMs }) }
  })
  printJson({ format: 'portcullis-api-keys-export', version: 1, exportedAtMs: Date.now(), keys })
}
