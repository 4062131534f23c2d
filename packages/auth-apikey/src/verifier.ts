import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Principal } from '@portcullis/authz'
import { maxKeyChars, splitKey } from './key-format.ts'
import { digestOf, importedId } from './record.ts'
import type { ApiKeyRecord, ApiKeyStore, MaybePromise, VerifyFailure, VerifyResult } from './types.ts'

const refused = (reason: VerifyFailure): VerifyResult => Object.freeze({ ok: false, reason })
const malformed = refused('malformed')
const unknown = refused('unknown')
const revoked = refused('revoked')
const expired = refused('expired')
const notYetValid = refused('not_yet_valid')

/** Injective: every part is percent-encoded, so `:` stands between parts only. */
export const principalIdOf = (label: string, record: ApiKeyRecord): string =>
  ['api_key', ...[label, record.tenant ?? '', record.family].map(encodeURIComponent)].join(':')

interface Known {
  readonly digest: Buffer
  result?: VerifyResult
}

/** The hot path: one digest, one lookup, one comparison, and the result of the last time. */
export const createVerifier = (store: ApiKeyStore, prefix: string, clock: () => number) => {
  const cache = new WeakMap<ApiKeyRecord, Known>()
  // What a text is compared with when there is no record: nothing hashes to it.
  const nobody: Known = { digest: randomBytes(32) }

  const knownOf = (record: ApiKeyRecord): Known => {
    let known = cache.get(record)
    if (!known) {
      known = { digest: Buffer.from(record.hash, 'base64url') }
      cache.set(record, known)
    }
    return known
  }

  const accept = (record: ApiKeyRecord, now: number): VerifyResult => {
    const principal: Principal = Object.freeze({
      id: principalIdOf(store.label, record),
      method: 'api_key',
      grants: record.grants,
      authenticatedAtMs: now,
      ...(record.expiresAtMs === null ? {} : { expiresAtMs: record.expiresAtMs }),
      ...(record.tenant === undefined ? {} : { tenant: record.tenant }),
    })
    return Object.freeze({ ok: true, principal, record })
  }

  const judge = (record: ApiKeyRecord | undefined, digest: Buffer): VerifyResult => {
    const known = record ? knownOf(record) : nobody
    const same = timingSafeEqual(digest, known.digest)
    if (!record || !same) return unknown
    if (record.status !== 'active') return revoked
    const now = clock()
    if (record.expiresAtMs !== null && now >= record.expiresAtMs) return expired
    if (record.notBeforeMs !== undefined && now < record.notBeforeMs) return notYetValid
    known.result ??= accept(record, now)
    return known.result
  }

  return (text: string): MaybePromise<VerifyResult> => {
    if (typeof text !== 'string' || text === '' || text.length > maxKeyChars) return malformed
    const parts = splitKey(text)
    if (parts && !parts.intact && parts.prefix === prefix) return malformed
    const digest = digestOf(text)
    const id = parts?.intact ? parts.id : importedId(digest)
    const look = (): MaybePromise<VerifyResult> => {
      const found = store.get(id)
      return found instanceof Promise ? found.then((record) => judge(record, digest)) : judge(found, digest)
    }
    const first = look()
    // A key that another process made a moment ago is good at once. Wrong secrets take the same way as unknown ids.
    if (first !== unknown || store.refresh === undefined) return first
    store.refresh()
    return look()
  }
}
