import { createTokenVerifier, protectedResourceMetadata, type TokenVerifier } from '@portcullis/auth-oauth2'
import { redisReplayStore } from '@portcullis/auth-oauth2/redis'
import type { CredentialVerifier, GuardLog } from '@portcullis/guard'
import { deriveKey, type ProtectedResource } from '@portcullis/transport'
import type { Settings } from './config/settings.ts'
import { configurationError } from './exit.ts'

/** OAuth of a running server: who verifies tokens, and what clients are told about where to get one. */
export interface OAuth2 {
  readonly verifier: CredentialVerifier
  readonly resource: ProtectedResource
  /** Says which URL this server has, once it is known: tokens are for it. */
  listening(port: number): void
  close(): void
}

/** What a client without a token is told to ask for. */
const scopes = ['mcp:server:access']

/** On loopback a client may call this machine by any of its names, and gets a token for the one that it used. */
const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** The end of a key of ours, whatever it was made of or has become: a word, and the 61 characters, or nearly, behind it. */
const keyBody = /^(?:[a-z0-9_]{1,16}_)?[a-z]{1,16}_[0-9a-z]{54,70}[^0-9a-z]{0,8}$/i

/**
 * Whether a text may be a key that was mistyped, cut off or copied with something around it. It is then a secret of ours, or nearly: no
 * authorization server is to see it.
 */
const resemblesKey = (text: string, prefix: string): boolean => {
  const named = new RegExp(`(?:^|[^a-z0-9])(?:${prefix}|${defaultPrefix})[_-]`, 'i')
  return named.test(text) || keyBody.test(text)
}

const defaultPrefix = 'pck'

const notYet = Object.assign(new Error('the server is only starting'), {
  fault: 'unavailable' as const,
  retryAfterMs: 1000,
})

const createOAuth2 = (
  settings: Settings,
  looksLikeKey: (text: string) => boolean,
  masterKey: Uint8Array,
  log: GuardLog,
): OAuth2 | undefined => {
  const { oauth2 } = settings.auth
  if (oauth2 === undefined || !settings.auth.enabled) return undefined
  const { publicUrl, path, tls, port: configured } = settings.listen
  const scheme = tls === undefined ? 'http' : 'https'
  const prefix = settings.auth.keys === false ? defaultPrefix : settings.auth.keys.prefix

  const { dpop } = oauth2
  // Used proofs and nonces are those of all replicas, or a proof could be used once at each.
  const replay = dpop.mode === 'off' || settings.redis === undefined ? undefined : redisReplayStore(settings.redis)

  const resourcesOn = (port: number): string[] =>
    publicUrl === undefined ? loopbackNames.map((name) => `${scheme}://${name}:${port}${path}`) : [publicUrl]
  const verifierFor = (resource: readonly string[]): TokenVerifier =>
    createTokenVerifier({
      resource,
      issuers: oauth2.issuers as Parameters<typeof createTokenVerifier>[0]['issuers'],
      ...(settings.policy.implies === undefined ? {} : { implies: settings.policy.implies }),
      dpop: {
        mode: dpop.mode,
        ...(replay === undefined ? {} : { replay }),
        ...(dpop.nonce ? { nonce: { secrets: [deriveKey(masterKey, 'dpop-nonce')] } } : {}),
      },
      on: ({ type, ...fields }) => log('warn', `oauth2.${type}`, fields),
    })

  // Made at once where the port is known, so that a mistake in the issuers is found before anything is written.
  let verifier: TokenVerifier | undefined = verifierFor(resourcesOn(configured === 0 ? 1 : configured))
  if (configured === 0 && publicUrl === undefined) {
    verifier.close()
    verifier = undefined
  }
  return {
    verifier: {
      verify(text, context) {
        if (looksLikeKey(text) || resemblesKey(text, prefix)) return { ok: false, reason: 'api_key' }
        if (verifier === undefined) throw notYet
        return verifier.verify(text, context)
      },
    },
    resource: {
      ...(publicUrl === undefined ? {} : { url: publicUrl }),
      scopes,
      dpopNonce: () => verifier?.dpopNonce(),
      document: (resource) =>
        protectedResourceMetadata({
          resource,
          authorizationServers: oauth2.issuers.map(({ issuer }) => issuer),
          scopes,
          resourceName: settings.name,
        }).document,
    },
    listening(port) {
      verifier ??= verifierFor(resourcesOn(port))
    },
    close() {
      verifier?.close()
      replay?.close().catch((error: unknown) => log('warn', 'oauth2.replay', { error }))
    },
  }
}

/** @throws {ExitError} 78 for issuers that cannot be meant. */
export const plannedOAuth2: typeof createOAuth2 = (settings, looksLikeKey, masterKey, log) => {
  try {
    return createOAuth2(settings, looksLikeKey, masterKey, log)
  } catch (error) {
    throw configurationError(`auth.oauth2: ${(error as Error).message}`, { cause: error })
  }
}
