import type { ApiKeyRecord, Change, CommitOutcome } from './types.ts'

/** Records with their indexes. */
export interface Table {
  readonly byId: Map<string, ApiKeyRecord>
  /** Of keys that their name finds. */
  readonly byName: Map<string, ApiKeyRecord>
  readonly families: Set<string>
  /** Ids of the keys that a key has issued. */
  readonly children: Map<string, Set<string>>
}

/** How long a key that another issued counts among those of its issuer after its end: who may have so many must not have ever new ones. */
const COUNTS_AFTER_MS = 3_600_000
/** How long it is kept after that. */
export const KEPT_AFTER_MS = 7 * 86_400_000

/** Until when a key counts among those that its parent has issued; one that is revoked counts no more. */
export const countsUntil = ({ status, revokedAtMs = 0, expiresAtMs }: ApiKeyRecord): number =>
  status === 'revoked' ? revokedAtMs : (expiresAtMs ?? Number.POSITIVE_INFINITY) + COUNTS_AFTER_MS

export const emptyTable = (): Table => ({
  byId: new Map(),
  byName: new Map(),
  families: new Set(),
  children: new Map(),
})

/** Whether the name is the record's: a key that is revoked or replaced has given it up. */
export const isNamed = (record: ApiKeyRecord): boolean => record.status !== 'revoked' && record.replaced === undefined

/** A key that another issued gives its name up when it ends, too: nobody is there to revoke it. */
const hasGivenUp = ({ parent, expiresAtMs }: ApiKeyRecord, nowMs: number): boolean =>
  parent !== undefined && expiresAtMs !== null && expiresAtMs <= nowMs

/** A name that is a key's id would make "revoke that one" ambiguous. */
const isNameTaken = ({ byName, byId }: Table, { name, id, createdAtMs }: ApiKeyRecord): boolean => {
  const owner = byName.get(name)
  return byId.has(name) || (owner !== undefined && owner.id !== id && !hasGivenUp(owner, createdAtMs))
}

const place = (table: Table, record: ApiKeyRecord): void => {
  const { id, name, family, parent } = record
  const before = table.byId.get(id)
  if (before && table.byName.get(before.name) === before) table.byName.delete(before.name)
  table.byId.set(id, record)
  table.families.add(family)
  if (isNamed(record)) table.byName.set(name, record)
  if (parent !== undefined) table.children.set(parent, (table.children.get(parent) ?? new Set()).add(id))
}

const remove = (table: Table, record: ApiKeyRecord): void => {
  table.byId.delete(record.id)
  if (table.byName.get(record.name) === record) table.byName.delete(record.name)
  table.children.get(record.parent ?? '')?.delete(record.id)
}

/** Keys of one parent that count when another is issued. */
const countSiblings = ({ children, byId }: Table, { parent, createdAtMs }: ApiKeyRecord): number => {
  let count = 0
  for (const id of children.get(parent ?? '') ?? []) {
    const sibling = byId.get(id)
    if (sibling !== undefined && countsUntil(sibling) > createdAtMs) count++
  }
  return count
}

/** Lets go of what a key has issued long ago, and of what that has issued. */
const prune = (table: Table, parent: string, nowMs: number): void => {
  for (const id of table.children.get(parent) ?? []) {
    const record = table.byId.get(id)
    if (record === undefined || countsUntil(record) + KEPT_AFTER_MS > nowMs) continue
    prune(table, id, Number.POSITIVE_INFINITY)
    remove(table, record)
    table.families.delete(record.family)
  }
  if (table.children.get(parent)?.size === 0) table.children.delete(parent)
}

const conflictOf = (table: Table, change: Change): CommitOutcome => {
  if ('replace' in change) {
    const { replace: record, expectedRev } = change
    const before = table.byId.get(record.id)
    if (before?.rev !== expectedRev || before.family !== record.family) return 'changed'
    return isNamed(record) && isNameTaken(table, record) ? 'name_taken' : 'done'
  }
  const { insert: record, maxSiblings } = change
  if (table.byId.has(record.id) || table.byName.has(record.id)) return 'id_taken'
  if (isNamed(record) && (record.name === record.id || isNameTaken(table, record))) return 'name_taken'
  const isSuccessor = record.replaces !== undefined && table.byId.get(record.replaces)?.family === record.family
  if (table.families.has(record.family) && !isSuccessor) return 'family_taken'
  if (maxSiblings !== undefined && countSiblings(table, record) >= maxSiblings) return 'too_many_siblings'
  return 'done'
}

const putBack = <V>(map: Map<string, V>, key: string, value: V | undefined): void => {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}

/** Puts everything back that placing a record touches, as it stands now. */
const restorer = (table: Table, record: ApiKeyRecord): (() => void) => {
  const { byId, byName, families, children } = table
  const before = byId.get(record.id)
  const owners = new Map([before ?? record, record].map(({ name }) => [name, byName.get(name)]))
  const isNewFamily = !families.has(record.family)
  return () => {
    putBack(byId, record.id, before)
    for (const [name, owner] of owners) putBack(byName, name, owner)
    if (isNewFamily) families.delete(record.family)
    if (before === undefined) children.get(record.parent ?? '')?.delete(record.id)
  }
}

/** Makes all changes in their order, or none. */
export const commitToTable = (table: Table, changes: readonly Change[]): CommitOutcome => {
  const undo: (() => void)[] = []
  for (const change of changes) {
    const conflict = conflictOf(table, change)
    if (conflict !== 'done') {
      for (const step of undo.toReversed()) step()
      return conflict
    }
    const record = 'insert' in change ? change.insert : change.replace
    undo.push(restorer(table, record))
    place(table, record)
  }
  for (const change of changes) {
    if ('insert' in change && change.insert.parent !== undefined) {
      prune(table, change.insert.parent, change.insert.createdAtMs)
    }
  }
  return 'done'
}

/** Whether a record comes before another where both had a name: the newer one, the one that is not replaced, else always the same. */
const isBefore = (one: ApiKeyRecord, other: ApiKeyRecord): boolean => {
  if (one.createdAtMs !== other.createdAtMs) return one.createdAtMs > other.createdAtMs
  if ((one.replaced === undefined) !== (other.replaced === undefined)) return one.replaced === undefined
  return one.id > other.id
}

export const findInTable = (table: Table, idOrName: string): ApiKeyRecord | undefined => {
  const found = table.byId.get(idOrName) ?? table.byName.get(idOrName)
  if (found) return found
  let best: ApiKeyRecord | undefined
  for (const record of table.byId.values()) {
    if (record.name === idOrName && (best === undefined || isBefore(record, best))) best = record
  }
  return best
}
