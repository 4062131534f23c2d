import type { Principal } from '@portcullis/authz'
import type { JsonRpcMessage, JsonRpcRequest, JsonRpcResponse, Locate, Pass } from '@portcullis/guard'

/** What a server knows of the caller of one message: the official SDKs hand it to handlers as `authInfo`. */
export interface AuthInfo {
  /** Always empty: a credential never goes past the guard. */
  readonly token: string
  /** The principal's id. */
  readonly clientId: string
  /** The principal's grants. */
  readonly scopes: string[]
  /** Seconds since the epoch. */
  readonly expiresAt?: number
  readonly extra: Record<string, unknown>
}

/** What a server is told beside a message. */
export interface MessageExtra {
  readonly authInfo?: AuthInfo
  /** Breaks the stream of the answer off: the client takes it up again (SEP-1699). */
  readonly closeSSEStream?: () => void
}

/** The transport that Portcullis hands to a server: the official SDKs' `Transport`, by shape, in both generations. */
export interface ServerTransport {
  start(): Promise<void>
  send(message: JsonRpcMessage, options?: { relatedRequestId?: string | number }): Promise<void>
  close(): Promise<void>
  onclose?: () => void
  onerror?: (error: Error) => void
  // A method, not a property: the SDKs declare it generic over their own message types.
  onmessage?(message: JsonRpcMessage, extra?: MessageExtra): void
}

/**
 * An MCP server that can be put behind the guard: an `McpServer` or `Server` of either official SDK, or an upstream
 * (`createStdioUpstream`). It is connected once and serves every client.
 */
export interface McpEndpoint {
  // `never`: each SDK types the parameter with its own message union; the shape is what counts.
  connect(transport: never): Promise<unknown>
  close?(): Promise<void>
  /**
   * The same server for clients of 2026-07-28, where it speaks that revision by itself (`@portcullis/transport/sdk-v2`). Without it
   * such clients are served all the same, by translation: all but what a server asks its client for.
   */
  readonly stateless?: { connect(transport: never): Promise<unknown>; close?(): Promise<void> }
  /** True for a server in another process: what it sends of its own accord cannot be attributed to a caller. */
  readonly remote?: boolean
}

/**
 * What a gateway shows of many servers: clients see `server__tool`, `server__prompt` and `server+scheme:...`; grants, rules and the
 * audit log speak of `server/name`.
 */
export interface Names {
  /** Where a name that clients use lives: `locate` of `createGuard`. */
  readonly locate: Locate
  /** A request in the words of the server that it goes to. */
  inward(message: JsonRpcRequest, pass: Pass): JsonRpcRequest
  /** An answer of `server` in the words of its clients. */
  outward(server: string, method: string, response: JsonRpcResponse): JsonRpcResponse
  /** A resource of `server` as clients call it. */
  uri(server: string, uri: string): string
}

/** Many servers behind one endpoint: `createGateway`. */
export interface Gateway {
  /** By id; `local` is what clients talk to when they initialize. */
  readonly servers: ReadonlyMap<string, McpEndpoint>
  readonly names: Names
}

/** One direction to one client: the stream of a request, the standalone stream of a session, standard output. */
export interface Outlet {
  /** Sends a message if it can still be carried; `false` when not. */
  send(message: JsonRpcMessage): boolean
}

/** The stream of one request, and who is listening there now. */
export interface Reply extends Outlet {
  /** The listener's principal as it stands at this moment; `undefined` when the credential no longer holds. */
  renew(): Promise<Principal | undefined>
  /** A header of the request by lower-case name; absent on stdio. */
  readonly header?: (name: string) => string | undefined
  /** Breaks the connection off, for the client to come back for the rest; absent where it could not. */
  readonly pause?: () => void
  /** Whether nobody waits for the answer any more. */
  readonly gone?: () => boolean
}
