import { checkWhole, DAY_MS, refuseUnknown } from '../checks.ts'
import { ApiKeyError } from '../errors.ts'
import { freezeRecord } from '../record.ts'
import type { ApiKeyRecord, ApiKeys, RotateOptions } from '../types.ts'
import { untilUnchanged } from '../until-unchanged.ts'
import { findRecord, hasEnded, type Management, MAX_OVERLAP_MS } from './context.ts'

const state = (record: ApiKeyRecord, what: string): ApiKeyError =>
  new ApiKeyError('ERR_APIKEY_STATE', `key ${record.id} ${what}`)

const checkRotatable = (record: ApiKeyRecord, nowMs: number): void => {
  if (record.status !== 'active') throw state(record, `is ${record.status} and cannot be rotated`)
  if (record.replaced !== undefined) throw state(record, `was rotated already, its successor is ${record.replaced.by}`)
  if (hasEnded(record, nowMs)) throw state(record, 'has expired and cannot be rotated')
}

const readOptions = (options: RotateOptions): Required<RotateOptions> => {
  refuseUnknown('rotate', options, ['overlapMs', 'until'])
  const { overlapMs = DAY_MS, until = 'deadline' } = options
  checkWhole('overlapMs', overlapMs, 0, MAX_OVERLAP_MS)
  if (until !== 'deadline' && until !== 'first_use') {
    throw new ApiKeyError('ERR_APIKEY_OPTION', 'until must be "deadline" or "first_use"')
  }
  return { overlapMs, until }
}

/** What a successor takes over is everything that an administrator decided, and nothing that belongs to the old text. */
const successorOf = (before: ApiKeyRecord, fields: ReturnType<Management['generate']>['fields'], nowMs: number) => {
  const { pepperId: _pepperId, replaces: _replaces, origin: _origin, ...kept } = before
  return freezeRecord<ApiKeyRecord>({ ...kept, ...fields, createdAtMs: nowMs, replaces: before.id, rev: 1 })
}

export const rotateKey =
  ({ store, clock, generate }: Management): ApiKeys['rotate'] =>
  async (idOrName, options = {}) => {
    const { overlapMs, until } = readOptions(options)
    return untilUnchanged(async () => {
      const before = await findRecord(store, idOrName)
      const nowMs = clock()
      checkRotatable(before, nowMs)
      const { key, fields } = generate()
      const record = successorOf(before, fields, nowMs)
      const replaced = {
        by: record.id,
        // Without an overlap it has always ended, also for a clock that is behind.
        atMs: overlapMs === 0 ? 0 : Math.min(nowMs + overlapMs, before.expiresAtMs ?? Number.POSITIVE_INFINITY),
        ...(until === 'first_use' ? { onUse: true as const } : {}),
      }
      const outcome = await store.commit([
        { replace: freezeRecord({ ...before, replaced, rev: before.rev + 1 }), expectedRev: before.rev },
        { insert: record },
      ])
      if (outcome === 'done') return { key, record }
      // Someone else changed it in between: look again.
      if (outcome !== 'changed') throw state(before, `cannot be rotated: ${outcome}`)
      return undefined
    })
  }
