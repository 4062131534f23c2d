import { checkLabel, refuseUnknown } from './checks.ts'
import { freezeRecord } from './record.ts'
import { addToTable, emptyTable, findInTable, replaceInTable } from './table.ts'
import type { ApiKeyStore } from './types.ts'

/** Keeps keys in this process only. `label` (default `memory`) is part of every principal's id. */
export const memoryStore = (options: { readonly label?: string } = {}): ApiKeyStore => {
  refuseUnknown('memoryStore', options, ['label'])
  const { label = 'memory' } = options
  checkLabel('label', label)
  const table = emptyTable()
  return {
    label,
    get: (id) => table.byId.get(id),
    find: (idOrName) => findInTable(table, idOrName),
    list: () => [...table.byId.values()],
    insert: async (record) => addToTable(table, freezeRecord(record)),
    replace: async (record, expectedRev) => replaceInTable(table, freezeRecord(record), expectedRev),
  }
}
