import type { JsonRpcMessage } from '@portcullis/guard'

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

/** The transport that Portcullis hands to a server: the official SDKs' `Transport`, by shape, in both generations. */
export interface ServerTransport {
  start(): Promise<void>
  send(message: JsonRpcMessage, options?: { relatedRequestId?: string | number }): Promise<void>
  close(): Promise<void>
  onclose?: () => void
  onerror?: (error: Error) => void
  // A method, not a property: the SDKs declare it generic over their own message types.
  onmessage?(message: JsonRpcMessage, extra?: { authInfo?: AuthInfo }): void
}

/**
 * An MCP server that can be put behind the guard: an `McpServer` or `Server` of either official SDK, or an upstream
 * (`createStdioUpstream`). It is connected once and serves every client.
 */
export interface McpEndpoint {
  // `never`: each SDK types the parameter with its own message union; the shape is what counts.
  connect(transport: never): Promise<unknown>
  close?(): Promise<void>
  /** True for a server in another process: what it sends of its own accord cannot be attributed to a caller. */
  readonly remote?: boolean
}

/** One direction to one client: the stream of a request, the standalone stream of a session, standard output. */
export interface Outlet {
  /** Sends a message if it can still be carried; `false` when not. */
  send(message: JsonRpcMessage): boolean
}
