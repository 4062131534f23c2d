import { checkLabel, refuseUnknown } from './checks.ts'
import { writableChanges } from './record.ts'
import { commitToTable, emptyTable, findInTable } from './table.ts'
import type { ApiKeyStore } from './types.ts'

/** Keeps keys in this process only. `label` (default `memory`) is part of every principal's id. */
export const memoryStore = (options: { readonly label?: string } = {}): ApiKeyStore => {
  refuseUnknown('memoryStore', options, ['label'])
  const { label = 'memory' } = options
  checkLabel('label', label)
  const table = emptyTable()
  const uses = new Map<string, number>()
  let commits = 0
  return {
    label,
    get: (id) => table.byId.get(id),
    find: (idOrName) => findInTable(table, idOrName),
    list: () => [...table.byId.values()],
    stamp: () => commits,
    async commit(changes) {
      commits++
      return commitToTable(table, writableChanges(changes))
    },
    async touch(recent) {
      for (const [id, ms] of recent) uses.set(id, Math.max(ms, uses.get(id) ?? 0))
    },
    lastUses: () => new Map(uses),
  }
}
