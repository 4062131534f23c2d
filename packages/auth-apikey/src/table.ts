import type { ApiKeyRecord, InsertOutcome } from './types.ts'

/** Records with their indexes. */
export interface Table {
  readonly byId: Map<string, ApiKeyRecord>
  /** Of keys that are not revoked. */
  readonly byName: Map<string, ApiKeyRecord>
  readonly families: Set<string>
}

export const emptyTable = (): Table => ({ byId: new Map(), byName: new Map(), families: new Set() })

export const addToTable = (table: Table, record: ApiKeyRecord): InsertOutcome => {
  if (table.byId.has(record.id)) return 'id_taken'
  // A name that is another key's id would make "revoke that one" ambiguous.
  if (record.status !== 'revoked' && (table.byName.has(record.name) || table.byId.has(record.name))) return 'name_taken'
  if (table.families.has(record.family)) return 'family_taken'
  table.byId.set(record.id, record)
  table.families.add(record.family)
  if (record.status !== 'revoked') table.byName.set(record.name, record)
  return 'inserted'
}

/** Puts the next revision in the place of the one with the same id. */
export const replaceInTable = (table: Table, record: ApiKeyRecord, expectedRev: number): boolean => {
  const before = table.byId.get(record.id)
  if (before?.rev !== expectedRev) return false
  if (table.byName.get(before.name) === before) table.byName.delete(before.name)
  table.byId.set(record.id, record)
  if (record.status !== 'revoked') table.byName.set(record.name, record)
  return true
}

export const findInTable = (table: Table, idOrName: string): ApiKeyRecord | undefined => {
  const found = table.byId.get(idOrName) ?? table.byName.get(idOrName)
  if (found) return found
  let newest: ApiKeyRecord | undefined
  for (const record of table.byId.values()) {
    if (record.name === idOrName && record.createdAtMs >= (newest?.createdAtMs ?? 0)) newest = record
  }
  return newest
}
