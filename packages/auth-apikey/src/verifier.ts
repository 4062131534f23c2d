import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createBoundedMap } from './bounded-map.ts'
import type { Digests } from './digest.ts'
import { importedId } from './imported.ts'
import { hasChecksum, idIn, maxKeyChars, splitKey } from './key-format.ts'
import { andThen } from './maybe-promise.ts'
import { createStanding, type Standing } from './standing.ts'
import type { ApiKeyRecord, ApiKeyStore, MaybePromise, VerifyContext, VerifyFailure, VerifyResult } from './types.ts'

/** Half of them at least are those used last; an entry takes about 200 bytes. */
const MAX_CACHED = 262_144
/** Deeper than keys can be issued: a store with a circle in it ends here. */
const MAX_DEPTH = 16
const NOWHERE: VerifyContext = Object.freeze({})

const refused = (reason: VerifyFailure): VerifyResult => Object.freeze({ ok: false, reason })
const MALFORMED = refused('malformed')
const UNKNOWN = refused('unknown')
const refusals = new Map<VerifyFailure, VerifyResult>()
const refusedFor = (reason: VerifyFailure): VerifyResult => {
  const result = refusals.get(reason) ?? refused(reason)
  refusals.set(reason, result)
  return result
}

export interface VerifierPorts {
  readonly store: ApiKeyStore
  readonly prefix: string
  readonly digests: Digests
  readonly clock: () => number
  /** A key was used. */
  readonly onUse: (standing: Standing, nowMs: number) => void
  /** Whether a key that ends with its successor's first use has ended. */
  readonly isOver: (id: string) => boolean
}

/** How a key stood when the store was as its stamp says. */
interface Seen {
  readonly standing: Standing
  readonly stamp: unknown
}

/** The hot path: a checksum, one digest, one lookup, as long as nothing has changed; else the record, and those of the keys that it comes from. */
export const createVerifier = ({ store, prefix, digests, clock, onUse, isOver }: VerifierPorts) => {
  const seen = createBoundedMap<Seen>(MAX_CACHED)
  const standings = new WeakMap<ApiKeyRecord, Standing>()
  // What a text is compared with when there is no record, the way that it would be with one: nothing hashes to it.
  const nobody = { ...digests.of(''), hash: randomBytes(32).toString('base64url') }
  const stampOf = (): unknown => store.stamp?.()

  const standingWith = (record: ApiKeyRecord, parent: Standing | undefined): Standing => {
    const known = standings.get(record)
    if (known !== undefined && known.parent === parent) return known
    const standing = createStanding(store.label, record, parent, clock(), isOver)
    standings.set(record, standing)
    return standing
  }

  const standingOf = (record: ApiKeyRecord, depth = 0): MaybePromise<Standing> => {
    if (record.parent === undefined || depth > MAX_DEPTH) return standingWith(record, undefined)
    return andThen(store.get(record.parent), (parent) =>
      parent === undefined
        ? standingWith(record, undefined)
        : andThen(standingOf(parent, depth + 1), (above) => standingWith(record, above)),
    )
  }

  const decide = (standing: Standing, context: VerifyContext): VerifyResult => {
    const nowMs = clock()
    const within = nowMs >= standing.beginsAtMs && nowMs < standing.endsAtMs
    const reason = within && !standing.asks ? undefined : standing.refusal(nowMs, context)
    if (reason !== undefined) return refusedFor(reason)
    onUse(standing, nowMs)
    return standing.granted
  }

  const look = (id: string, text: string, digest: Buffer, place: string, context: VerifyContext) => {
    const stamp = stampOf()
    const judge = (record: ApiKeyRecord | undefined): MaybePromise<VerifyResult> => {
      const kept = record ?? nobody
      // Decoded each time: what is remembered of a key that was used would tell it from one that is not there.
      const same = timingSafeEqual(digests.like(kept, text, digest), Buffer.from(kept.hash, 'base64url'))
      if (!same || record === undefined) return UNKNOWN
      return andThen(standingOf(record), (standing) => {
        if (stamp !== undefined) seen.set(place, { standing, stamp })
        return decide(standing, context)
      })
    }
    return andThen(store.get(id), judge)
  }

  return (text: string, given?: VerifyContext): MaybePromise<VerifyResult> => {
    const context = given ?? NOWHERE
    if (typeof text !== 'string' || text === '' || text.length > maxKeyChars) return MALFORMED
    const intact = hasChecksum(text)
    if (!intact && splitKey(text)?.prefix === prefix) return MALFORMED
    const place = hash('sha256', text, 'binary')
    const known = seen.get(place)
    if (known !== undefined && known.stamp === stampOf()) return decide(known.standing, context)

    const digest = Buffer.from(place, 'latin1')
    const id = (intact ? idIn(text) : undefined) ?? importedId(digest)
    const first = look(id, text, digest, place, context)
    // A key that another process made a moment ago is good at once. Wrong secrets take the same way as unknown ids.
    if (first !== UNKNOWN || store.refresh === undefined) return first
    store.refresh()
    return look(id, text, digest, place, context)
  }
}
