import type { AuthRequest, Guard, GuardLog } from '@portcullis/guard'
import type { CidrSet } from '@portcullis-internal/net'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from '../hub/dispatcher.ts'
import type { Sessions } from '../hub/sessions.ts'
import type { Guidance } from './challenge.ts'
import type { ProtectedResource } from './resource.ts'

export interface FrontOptions {
  readonly guard: Guard
  readonly dispatcher: Dispatcher
  readonly sessions: Sessions
  /** The path of the endpoint. Default `/mcp`. */
  readonly path?: string
  /** The header that may hold an API key, in lower case. Default `x-api-key`. */
  readonly keyHeader?: string
  /** See `OriginOptions`. */
  readonly allowedHosts?: readonly string[]
  readonly allowedOrigins?: readonly string[]
  /** Whether only this machine can connect: loopback names and pages are then accepted. */
  readonly loopback: boolean
  /** CIDR blocks of proxies whose `X-Forwarded-For` is believed. Default none. */
  readonly trustedProxies?: readonly string[]
  /** Refuse requests that came through a proxy: for a server that trusts whoever reaches it. */
  readonly refuseProxied?: boolean
  /** Bytes of a body. Default 1,048,576. */
  readonly maxBodyBytes?: number
  /** Take credentials from inside messages when no header has one. Default false. */
  readonly inBand?: boolean
  /** What `GET /` says. */
  readonly greeting?: string
  /** What OAuth clients are told of this endpoint; absent when no access token is taken. */
  readonly protectedResource?: ProtectedResource
  readonly log?: GuardLog
  /** Whether this listener speaks TLS itself. */
  readonly secure: boolean
  /** The address at the other end of a connection. */
  readonly peerOf: (socket: Socket) => string | undefined
  /** The proxies of `trustedProxies`. */
  readonly proxies: CidrSet
}

/** One request, as far as it is understood. */
export interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly auth: AuthRequest
  /** Headers of every answer: CORS. */
  readonly headers: OutgoingHttpHeaders
  /** What goes into a challenge; made when there is one. */
  readonly guidance: (() => Guidance) | undefined
}
