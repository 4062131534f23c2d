import type { Principal } from '@portcullis/authz'
import { isUnavailable } from './errors.ts'
import type { GuardLog } from './log.ts'
import {
  forbidden,
  internal,
  invalidCredential,
  rateLimited,
  refuse,
  type Refusal,
  unauthenticated,
  unavailable,
} from './refusals.ts'
import type {
  AddressList,
  AuthContext,
  AuthenticationOptions,
  AuthRequest,
  Credential,
  CredentialVerifier,
  Limiter,
  VerifyResult,
} from './ports.ts'

export interface Opened {
  readonly ok: true
  readonly principal: Principal
}

export interface Authentication {
  /** Who is calling, charging failures and anonymous refusals to the address. */
  open(request: AuthRequest): Promise<Opened | Refusal>
  /** The same caller asked again later, for a stream that stays open: nothing is charged and nothing audited. */
  renew(request: AuthRequest): Promise<Principal | undefined>
  /** The refusal of an address on the block list. */
  blocked(address: string): Refusal | undefined
  /** The types that a server declares to its clients. */
  readonly types: readonly string[]
  /** Whether a caller without a credential is refused. */
  readonly required: boolean
}

const maxCredentialLength = 16_384

/** What a verifier may know: of a key nothing but where it came from. */
const contextOf = (credential: Credential, request: AuthRequest): AuthContext => {
  const { transport, address } = request
  const context = address === undefined ? { transport } : { transport, address }
  if (credential.source !== 'bearer' && credential.source !== 'dpop') return context
  const { clientCertificate, proven } = request
  return {
    ...context,
    ...(credential.source === 'dpop' ? { scheme: 'dpop' as const } : {}),
    ...(credential.source !== 'dpop' || request.dpop === undefined ? {} : { dpop: request.dpop }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(proven === true ? { proven } : {}),
  }
}

const oauth2Sources: ReadonlySet<Credential['source']> = new Set(['bearer', 'dpop', 'in_band_oauth2'])

/** What a verifier of keys says of a text that is none of its keys. */
const unrecognised: ReadonlySet<string> = new Set(['unknown', 'malformed'])

/** The key that callers without an identity are counted under: their address; on stdio there is just one caller. */
export const addressKey = (address: string | undefined, groupOf: (address: string) => string): string =>
  address === undefined ? 'stdio' : `address:${groupOf(address)}`

export const createAuthentication = (
  options: AuthenticationOptions,
  ports: {
    readonly limiter: Limiter | undefined
    readonly anonymousLimits: readonly string[]
    readonly addresses: AddressList | undefined
    readonly groupOf: (address: string) => string
    readonly log: GuardLog
    readonly clock: () => number
  },
): Authentication => {
  const { apiKeys, oauth2, custom } = options
  const everyone = options.dangerouslyAllowEveryone === true
  const anonymous: Principal = Object.freeze({
    id: 'anonymous',
    method: 'anonymous',
    grants: Object.freeze(everyone ? ['*'] : [...(options.anonymous ?? [])]),
    authenticatedAtMs: ports.clock(),
  })

  const ask = async (
    verifier: CredentialVerifier,
    credential: Credential,
    request: AuthRequest,
  ): Promise<VerifyResult> => verifier.verify(credential.text, contextOf(credential, request))

  /** API keys first: they are looked up here, so that key-shaped text never leaves for an authorization server. */
  const verify = async (credential: Credential, request: AuthRequest): Promise<VerifyResult> => {
    if (credential.text.length > maxCredentialLength) return { ok: false, reason: 'credential_too_long' }
    let refused: VerifyResult = { ok: false, reason: 'no_verifier' }
    if (apiKeys !== undefined && credential.source !== 'in_band_oauth2') {
      refused = await ask(apiKeys, credential, request)
      // A key that is known, for what is wrong with it, is a key all the same; so is one that is only shaped like one.
      const isKey = refused.ok || !unrecognised.has(refused.reason) || apiKeys.looksLikeKey?.(credential.text) === true
      // No key is bound to a key: who shows one so gets nowhere with it, and nobody else sees it.
      if (isKey && credential.source === 'dpop') return { ok: false, reason: 'key_with_proof' }
      if (isKey) return refused
    }
    if (oauth2 !== undefined && oauth2Sources.has(credential.source)) {
      return ask(oauth2, credential, request)
    }
    return refused
  }

  const blocked = (address: string): Refusal | undefined =>
    ports.addresses?.has(address) === true
      ? refuse(403, 'PORTCULLIS_ADDRESS_BLOCKED', 'Not allowed from this address.', { reason: 'address_blocked' })
      : undefined

  /** Neither charged nor audited: what `open` and `renew` share. */
  const identify = async (request: AuthRequest): Promise<Principal | Refusal> => {
    const refused = request.address === undefined ? undefined : blocked(request.address)
    if (refused !== undefined) return refused
    if (everyone) return anonymous
    const { credential } = request
    if (credential === 'malformed') return invalidCredential('malformed_credential')
    const own = custom === undefined ? undefined : await custom(request)
    if (own !== undefined) return own
    if (credential === undefined) {
      return anonymous.grants.length > 0 ? anonymous : unauthenticated()
    }
    const result = await verify(credential, request)
    if (result.ok) return result.principal
    return result.missingScopes === undefined
      ? invalidCredential(result.reason, credential.source === 'dpop' ? 'dpop' : undefined)
      : forbidden(result.reason, result.missingScopes)
  }

  const isRefusal = (answer: Principal | Refusal): answer is Refusal => 'ok' in answer

  const current = (principal: Principal): boolean =>
    principal.expiresAtMs === undefined || principal.expiresAtMs > ports.clock()

  let quietUntilMs = 0
  let unsaid = 0
  /** An outage is one line a second, however many callers meet it; a fault is always one. */
  const faulted = (error: unknown): void => {
    const outage = isUnavailable(error)
    if (outage && ports.clock() < quietUntilMs) return void unsaid++
    ports.log('error', 'authentication.fault', { error, ...(unsaid === 0 ? {} : { more: unsaid }) })
    unsaid = 0
    if (outage) quietUntilMs = ports.clock() + 1000
  }

  const attempt = async (request: AuthRequest): Promise<Principal | Refusal> => {
    try {
      const answer = await identify(request)
      if (isRefusal(answer)) return answer
      return current(answer) ? answer : invalidCredential('expired')
    } catch (error) {
      faulted(error)
      return isUnavailable(error) ? unavailable('authenticator', error.retryAfterMs) : internal('authenticator')
    }
  }

  /** Only callers who are not known are charged to their address; who shows a valid credential never pays for others behind it. */
  const charge = async (request: AuthRequest, refused: Refusal): Promise<Refusal> => {
    if (ports.limiter === undefined || (refused.status !== 401 && refused.status !== 403)) return refused
    const key = addressKey(request.address, ports.groupOf)
    const limit = await ports.limiter.check(key, { cost: 1, limits: ports.anonymousLimits })
    return limit.allowed ? refused : { ...rateLimited(limit), reason: `${refused.reason ?? refused.code}:over_limit` }
  }

  const declared = [
    ...(apiKeys === undefined ? [] : ['api_key']),
    ...(oauth2 === undefined ? [] : ['oauth2']),
    ...(custom === undefined ? [] : ['custom']),
  ]

  return {
    async open(request) {
      const answer = await attempt(request)
      if (!isRefusal(answer)) return { ok: true, principal: answer }
      try {
        // A stdio client talks to its own process: telling it to wait would not protect anybody.
        return request.transport === 'http' ? await charge(request, answer) : answer
      } catch (error) {
        ports.log('error', 'limiter.fault', { error })
        return answer
      }
    },
    async renew(request) {
      const answer = await attempt({ ...request, proven: true })
      return isRefusal(answer) ? undefined : answer
    },
    blocked,
    types: everyone ? [] : declared,
    required: anonymous.grants.length === 0,
  }
}
