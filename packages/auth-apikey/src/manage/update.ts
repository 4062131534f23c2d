import { checkLabel, refuseUnknown } from '../checks.ts'
import { ApiKeyError } from '../errors.ts'
import { freezeRecord } from '../record.ts'
import { readSettings, SETTINGS } from '../settings.ts'
import type { ApiKeyRecord, ApiKeys, Change, KeyPatch, KeySettings } from '../types.ts'
import { untilUnchanged } from '../until-unchanged.ts'
import { familyOf, findRecord, hasEnded, type Management, refuseConflict } from './context.ts'

type Field = (typeof SETTINGS)[number]

/** The patch as settings to be put in and fields to be taken away. */
const readPatch = (patch: KeyPatch, nowMs: number) => {
  refuseUnknown('update', patch, ['name', ...SETTINGS])
  if (patch.name !== undefined) checkLabel('name', patch.name)
  const isRemoval = (field: Field): boolean => patch[field] === null && field !== 'expiresAtMs' && field !== 'grants'
  const removed = SETTINGS.filter(isRemoval)
  const given = Object.fromEntries(SETTINGS.filter((field) => !isRemoval(field)).map((field) => [field, patch[field]]))
  const settings = readSettings(given as Partial<KeySettings>, nowMs)
  const name = patch.name === undefined ? {} : { name: patch.name }
  return (record: ApiKeyRecord): ApiKeyRecord => {
    const next: Record<string, unknown> = { ...record, ...settings, ...name, rev: record.rev + 1 }
    for (const field of removed) delete next[field]
    return freezeRecord(next as unknown as ApiKeyRecord)
  }
}

const checkTimes = ({ expiresAtMs, notBeforeMs }: ApiKeyRecord): void => {
  if (expiresAtMs !== null && notBeforeMs !== undefined && expiresAtMs <= notBeforeMs) {
    throw new ApiKeyError('ERR_APIKEY_OPTION', 'expiresAtMs must be after notBeforeMs')
  }
}

export const updateKey =
  ({ store, clock }: Management): ApiKeys['update'] =>
  async (idOrName, patch, options = {}) => {
    refuseUnknown('update', options, ['ifRev'])
    const { ifRev } = options
    const apply = readPatch(patch, clock())
    return untilUnchanged(async () => {
      const record = await findRecord(store, idOrName)
      if (record.status === 'revoked') {
        throw new ApiKeyError('ERR_APIKEY_STATE', `key ${record.id} is revoked, for good`)
      }
      if (ifRev !== undefined && record.rev !== ifRev) {
        throw new ApiKeyError('ERR_APIKEY_CONFLICT', `key ${record.id} is at revision ${record.rev}, not ${ifRev}`)
      }
      // Rights that are taken from a key are taken from the one that it replaces, too.
      const family = (await familyOf(store, record, clock())).filter(
        (member) => member.id === record.id || (member.status !== 'revoked' && !hasEnded(member, clock())),
      )
      const changes = family.map((member): Change => ({ replace: apply(member), expectedRev: member.rev }))
      const next = apply(record)
      checkTimes(next)
      const outcome = await store.commit(changes)
      if (outcome === 'done') return next
      refuseConflict(outcome, next.name)
      return undefined
    })
  }
