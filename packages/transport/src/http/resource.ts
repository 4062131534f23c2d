import type { AuthRequest } from '@portcullis/guard'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Guidance } from './challenge.ts'
import { header } from './headers.ts'

/** The endpoint as a protected resource of OAuth (RFC 9728). */
export interface ProtectedResource {
  /** The document of a resource: `protectedResourceMetadata` of `@portcullis/auth-oauth2` makes one. */
  readonly document: (resource: string) => Readonly<Record<string, unknown>>
  /** The scopes that a client without any is told to ask for. */
  readonly scopes: readonly string[]
  /** The URL of the endpoint as clients know it. Default: as each client wrote it, which is for loopback alone. */
  readonly url?: string
  /** The nonce that proofs must hold (RFC 9449 section 8), if they must. */
  readonly dpopNonce?: () => string | undefined
}

/** What the front asks about it. */
export interface Resource {
  /** The document when `target` is one of its two places. */
  documentAt(target: string, request: IncomingMessage): Readonly<Record<string, unknown>> | undefined
  guidance(request: IncomingMessage): Guidance
  /** The proof of a request, and what it must be for. */
  proofOf(request: IncomingMessage): NonNullable<AuthRequest['dpop']>
  /** Headers of the answer to a request with a proof. */
  nonceHeader(): OutgoingHttpHeaders
}

const wellKnown = '/.well-known/oauth-protected-resource'

export const createResource = (options: ProtectedResource, path: string, scheme: 'http' | 'https'): Resource => {
  /** `Host` was checked before: on loopback it is one of three names. */
  const urlOf = ({ headers }: IncomingMessage): string =>
    options.url ?? `${scheme}://${headers.host?.toLowerCase().replace(/\.(?=:|$)/, '')}${path}`
  // RFC 9728 section 3.1: the well-known part goes between the host and the path. The root is where older clients look.
  const insertedFor = (pathname: string): string => `${wellKnown}${pathname === '/' ? '' : pathname}`
  const places = new Set([wellKnown, insertedFor(path)])
  // Behind a proxy the endpoint may have another path for clients than for us.
  if (options.url !== undefined) places.add(insertedFor(new URL(options.url).pathname))
  return {
    documentAt: (target, request) => (places.has(target) ? options.document(urlOf(request)) : undefined),
    guidance(request) {
      const url = new URL(urlOf(request))
      return { resourceMetadata: `${url.origin}${insertedFor(url.pathname)}`, scopes: options.scopes }
    },
    proofOf: (request) => ({
      proof: header(request, 'dpop'),
      method: request.method ?? '',
      url: urlOf(request),
    }),
    nonceHeader() {
      const nonce = options.dpopNonce?.()
      return nonce === undefined ? {} : { 'dpop-nonce': nonce }
    },
  }
}
