import type { Principal } from '@portcullis/authz'
import type { Revision } from '@portcullis/guard'
import type { AuthInfo } from './types.ts'

const made = new WeakMap<Principal, Map<Revision, AuthInfo>>()

/**
 * The caller as the official SDKs hand it to handlers: `authInfo.extra` holds the `principal` and the protocol `revision` of
 * its session. There is never a token in it: a credential does not go past the guard.
 */
export const authInfoOf = (principal: Principal, revision: Revision): AuthInfo => {
  const known = made.get(principal) ?? new Map<Revision, AuthInfo>()
  made.set(principal, known)
  const info = known.get(revision) ?? {
    token: '',
    clientId: principal.id,
    scopes: [...principal.grants],
    ...(principal.expiresAtMs === undefined ? {} : { expiresAt: Math.floor(principal.expiresAtMs / 1000) }),
    extra: Object.freeze({ principal, revision }) as Record<string, unknown>,
  }
  known.set(revision, Object.freeze(info))
  return info
}

type WithExtra = { readonly extra?: Readonly<Record<string, unknown>> | undefined } | undefined

/** The principal in an `authInfo` that Portcullis made; `undefined` in any other. */
export const principalOf = (authInfo: WithExtra): Principal | undefined =>
  authInfo?.extra?.['principal'] as Principal | undefined

/** The protocol revision of the session that a call belongs to. */
export const revisionOf = (authInfo: WithExtra): Revision | undefined =>
  authInfo?.extra?.['revision'] as Revision | undefined
