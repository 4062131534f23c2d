import { checkLabel, refuseUnknown } from '../checks.ts'
import { ApiKeyError } from '../errors.ts'
import { freezeRecord } from '../record.ts'
import type { ApiKeyRecord, ApiKeys, Change, KeySelection } from '../types.ts'
import { untilUnchanged } from '../until-unchanged.ts'
import { familyOf, findRecord, type Management } from './context.ts'

type Transition = (record: ApiKeyRecord) => ApiKeyRecord

const readReason = (what: string, options: { readonly reason?: string }): string | undefined => {
  refuseUnknown(what, options, ['reason'])
  if (options.reason !== undefined) checkLabel('reason', options.reason, 512)
  return options.reason
}

/** Puts every key of a family into a state, all at once. Answers the one that was asked for. */
const changeFamily = async ({ store, clock }: Management, idOrName: string, to: Transition): Promise<ApiKeyRecord> =>
  untilUnchanged(async () => {
    const record = await findRecord(store, idOrName)
    const changes: Change[] = []
    let changed = record
    for (const member of await familyOf(store, record, clock())) {
      const next = to(member)
      if (next === member) continue
      const replacement = freezeRecord({ ...next, rev: member.rev + 1 })
      if (member.id === record.id) changed = replacement
      changes.push({ replace: replacement, expectedRev: member.rev })
    }
    if (changes.length === 0) return record
    const outcome = await store.commit(changes)
    if (outcome === 'done') return changed
    // Someone else changed one in between: look again.
    if (outcome !== 'changed')
      throw new ApiKeyError('ERR_APIKEY_STATE', `key ${record.id} cannot be changed: ${outcome}`)
    return undefined
  })

const revoked =
  (nowMs: number, reason: string | undefined): Transition =>
  (record) =>
    record.status === 'revoked'
      ? record
      : { ...record, status: 'revoked', revokedAtMs: nowMs, ...(reason === undefined ? {} : { revokedReason: reason }) }

export const revokeKey =
  (management: Management): ApiKeys['revoke'] =>
  async (idOrName, options = {}) => {
    const reason = readReason('revoke', options)
    return changeFamily(management, idOrName, revoked(management.clock(), reason))
  }

/** Changes the keys of a family that are not revoked. */
const changeUnlessRevoked = async (management: Management, idOrName: string, to: Transition): Promise<ApiKeyRecord> => {
  const record = await changeFamily(management, idOrName, (member) =>
    member.status === 'revoked' ? member : to(member),
  )
  if (record.status !== 'revoked') return record
  throw new ApiKeyError('ERR_APIKEY_STATE', `key ${record.id} is revoked, for good`)
}

export const disableKey =
  (management: Management): ApiKeys['disable'] =>
  async (idOrName, options = {}) => {
    const reason = readReason('disable', options)
    const disabledAtMs = management.clock()
    return changeUnlessRevoked(management, idOrName, (record) =>
      record.status === 'disabled'
        ? record
        : { ...record, status: 'disabled', disabledAtMs, ...(reason === undefined ? {} : { disabledReason: reason }) },
    )
  }

export const enableKey =
  (management: Management): ApiKeys['enable'] =>
  async (idOrName) =>
    changeUnlessRevoked(management, idOrName, (record) => {
      if (record.status === 'active') return record
      const { disabledAtMs: _at, disabledReason: _reason, ...kept } = record
      return { ...kept, status: 'active' }
    })

const readSelection = (selection: KeySelection): ((record: ApiKeyRecord) => boolean) => {
  refuseUnknown('revokeAll', selection, ['owner', 'tenant'])
  const { owner, tenant } = selection
  if (owner === undefined && tenant === undefined) {
    throw new ApiKeyError('ERR_APIKEY_OPTION', 'revokeAll needs an owner or a tenant')
  }
  if (owner !== undefined) checkLabel('owner', owner)
  if (tenant !== undefined) checkLabel('tenant', tenant)
  return (record) =>
    (owner === undefined || record.owner === owner) && (tenant === undefined || record.tenant === tenant)
}

const BATCH = 100

export const revokeAllKeys =
  (management: Management): ApiKeys['revokeAll'] =>
  async (selection, options = {}) => {
    const { store, clock } = management
    const isChosen = readSelection(selection)
    const to = revoked(clock(), readReason('revokeAll', options))
    const chosen = (await store.list()).filter((record) => isChosen(record) && record.status !== 'revoked')
    const done: ApiKeyRecord[] = []
    while (done.length < chosen.length) {
      const batch = chosen.slice(done.length, done.length + BATCH)
      const next = batch.map((record) => freezeRecord({ ...to(record), rev: record.rev + 1 }))
      const changes = next.map((record, index) => ({
        replace: record,
        expectedRev: (batch[index] as ApiKeyRecord).rev,
      }))
      // A key that has a successor may have got it while the list was read, which then is not on it.
      const isWhole = batch.every(({ replaced }) => replaced === undefined)
      if (isWhole && (await store.commit(changes)) === 'done') done.push(...next)
      else for (const { id } of batch) done.push(await changeFamily(management, id, to))
    }
    return done
  }
