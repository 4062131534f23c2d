import { checkedGrants, checkLabel, refuseUnknown } from '../checks.ts'
import { freezeRecord } from '../record.ts'
import { readSettings, SETTINGS } from '../settings.ts'
import type { ApiKeyRecord, ApiKeys, ImportHashOptions, ImportKeyOptions } from '../types.ts'
import { hashedRecord, importedRecord } from '../imported.ts'
import { type Management, refuseConflict } from './context.ts'

export const createKey =
  ({ store, clock, defaultLifetimeMs, generate }: Management): ApiKeys['create'] =>
  async (options) => {
    refuseUnknown('create', options, [...SETTINGS, 'name', 'tenant'])
    const { name, tenant, ...given } = options
    checkLabel('name', name)
    if (tenant !== undefined) checkLabel('tenant', tenant)
    const createdAtMs = clock()
    const settings = readSettings(given, createdAtMs)
    const { key, fields } = generate()
    const record: ApiKeyRecord = freezeRecord({
      ...fields,
      name,
      status: 'active',
      createdAtMs,
      expiresAtMs: Math.max(createdAtMs, settings.notBeforeMs ?? 0) + defaultLifetimeMs,
      ...settings,
      grants: checkedGrants(given.grants),
      ...(tenant === undefined ? {} : { tenant }),
      family: fields.id,
      rev: 1,
    })
    refuseConflict(await store.commit([{ insert: record }]), name)
    return { key, record }
  }

const insertImported = async ({ store }: Management, record: ApiKeyRecord): Promise<ApiKeyRecord> => {
  refuseConflict(await store.commit([{ insert: record }]), record.name)
  return record
}

export const importPlainKey = (management: Management) => async (options: ImportKeyOptions) =>
  insertImported(management, importedRecord(options, management.clock()))

export const importKeyHash = (management: Management) => async (options: ImportHashOptions) =>
  insertImported(management, hashedRecord(options, management.clock()))
