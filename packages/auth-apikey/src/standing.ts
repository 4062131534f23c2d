import { type CidrSet, createCidrSet } from '@portcullis-internal/net'
import type { Principal } from '@portcullis/authz'
import type { ApiKeyRecord, VerifyContext, VerifyFailure, VerifyResult } from './types.ts'

/** How a key stands, by its record and those of the keys that it comes from. Made once for each revision of any of them. */
export interface Standing {
  readonly record: ApiKeyRecord
  readonly parent: Standing | undefined
  readonly granted: VerifyResult & { readonly ok: true }
  /** From `beginsAtMs` and before `endsAtMs` it is good for everybody, unless it `asks` where the caller comes from, or who was there before. */
  readonly beginsAtMs: number
  readonly endsAtMs: number
  readonly asks: boolean
  /** Why it is refused now, if it is. */
  refusal(nowMs: number, context: VerifyContext): VerifyFailure | undefined
  /** When it was last used, and whether that is going to be written. */
  usedAtMs: number
  isNoted: boolean
}

/** Injective: every part is percent-encoded, so `:` stands between parts only. */
export const principalIdOf = (label: string, record: ApiKeyRecord): string =>
  ['api_key', ...[label, record.tenant ?? '', record.family].map(encodeURIComponent)].join(':')

/** Whether one of the key's audiences is what the server is known as. */
const isMeant = (audiences: readonly string[], known: VerifyContext['audience']): boolean =>
  audiences.some((one) => known === one || (Array.isArray(known) && known.includes(one)))

/** Whether the address is among those allowed and not among those denied. Callers come from the same address many times. */
const createAddressTest = (record: ApiKeyRecord): ((address: string | undefined) => boolean) | undefined => {
  const { allowedAddresses, deniedAddresses } = record
  if (allowedAddresses === undefined && deniedAddresses === undefined) return undefined
  const allowed: CidrSet | undefined = allowedAddresses && createCidrSet(allowedAddresses)
  const denied = createCidrSet(deniedAddresses ?? [])
  let last: string | undefined
  let verdict = false
  return (address) => {
    if (address === undefined) return false
    if (address !== last) {
      last = address
      verdict = (allowed ?? ANYWHERE).has(address) && !denied.has(address)
    }
    return verdict
  }
}

/** Every address, and no text that is none. */
const ANYWHERE = createCidrSet(['0.0.0.0/0', '::/0'])

/**
 * How the record stands at `nowMs`.
 * @param isOver whether a key that ends with its successor's first use has ended, known before the store does
 */
export const createStanding = (
  label: string,
  record: ApiKeyRecord,
  parent: Standing | undefined,
  nowMs: number,
  isOver: (id: string) => boolean,
): Standing => {
  const { status, expiresAtMs, notBeforeMs = 0, replaced, audiences } = record
  const isOrphan = record.parent !== undefined && parent === undefined
  const mayComeFrom = createAddressTest(record)
  const beginsAtMs = Math.max(notBeforeMs, parent?.beginsAtMs ?? 0)
  const ends = [expiresAtMs, replaced?.atMs, parent?.endsAtMs].filter((ms) => typeof ms === 'number')
  const endsAtMs = status === 'active' && !isOrphan ? Math.min(...ends) : 0
  const limits = parent === undefined ? record.limits : parent.granted.principal.limits
  const principal: Principal = Object.freeze({
    id: principalIdOf(label, record),
    method: 'api_key',
    grants: record.grants,
    authenticatedAtMs: nowMs,
    ...(endsAtMs < Number.POSITIVE_INFINITY ? { expiresAtMs: endsAtMs } : {}),
    ...(record.tenant === undefined ? {} : { tenant: record.tenant }),
    ...(limits === undefined ? {} : { limits }),
    ...(parent === undefined ? {} : { delegatedBy: parent.granted.principal }),
  })
  return {
    record,
    parent,
    granted: Object.freeze({ ok: true, principal, record }),
    beginsAtMs,
    endsAtMs,
    asks: mayComeFrom !== undefined || audiences !== undefined || replaced?.onUse === true || (parent?.asks ?? false),
    refusal(now, context) {
      if (status !== 'active') return status
      if (replaced !== undefined && (now >= replaced.atMs || (replaced.onUse && isOver(record.id)))) return 'rotated'
      if (expiresAtMs !== null && now >= expiresAtMs) return 'expired'
      if (now < notBeforeMs) return 'not_yet_valid'
      if (isOrphan || parent?.refusal(now, context) !== undefined) return 'parent'
      if (audiences !== undefined && !isMeant(audiences, context.audience)) return 'wrong_audience'
      if (mayComeFrom !== undefined && !mayComeFrom(context.address)) return 'wrong_address'
      return undefined
    },
    usedAtMs: 0,
    isNoted: false,
  }
}
