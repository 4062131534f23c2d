/** JSON-RPC 2.0 as MCP uses it: the message shapes, and telling them apart without trusting anything. */

export type RequestId = string | number

export interface JsonRpcRequest {
  readonly jsonrpc: '2.0'
  readonly id: RequestId
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
}

export interface JsonRpcNotification {
  readonly jsonrpc: '2.0'
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
}

export interface JsonRpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export interface JsonRpcResponse {
  readonly jsonrpc: '2.0'
  readonly id: RequestId | null
  readonly result?: unknown
  readonly error?: JsonRpcError
}

export type JsonRpcMessage = JsonRpcRequest | JsonRpcNotification | JsonRpcResponse

export type Shape = 'request' | 'notification' | 'response' | 'invalid'

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** MCP ids are strings or integers (never null: a request must be answerable), at most 256 characters so that tables stay small. */
export const isRequestId = (id: unknown): id is RequestId =>
  typeof id === 'string' ? id.length <= 256 : typeof id === 'number' && Number.isSafeInteger(id)

/** Which of the three kinds of message a parsed value is; `invalid` for everything else. */
export const shapeOf = (value: unknown): Shape => {
  if (!isRecord(value) || value['jsonrpc'] !== '2.0') return 'invalid'
  const { id, method, params } = value
  if (method === undefined) {
    const answers = ('result' in value ? 1 : 0) + ('error' in value ? 1 : 0)
    if (answers !== 1 || !(isRequestId(id) || (id === null && 'error' in value))) return 'invalid'
    return 'result' in value || isError(value['error']) ? 'response' : 'invalid'
  }
  if (typeof method !== 'string' || method.length > 256) return 'invalid'
  if ('result' in value || 'error' in value) return 'invalid'
  if (params !== undefined && !isRecord(params)) return 'invalid'
  if (!('id' in value)) return 'notification'
  return isRequestId(id) ? 'request' : 'invalid'
}

const isError = (error: unknown): boolean =>
  isRecord(error) && Number.isInteger(error['code']) && typeof error['message'] === 'string'

/** The id to answer an invalid message under: its own when it is usable, else null (JSON-RPC 2.0 section 5). */
export const idOf = (value: unknown): RequestId | null => {
  const id = isRecord(value) ? value['id'] : undefined
  return isRequestId(id) ? id : null
}

/** The protocol's own error codes that Portcullis answers with. */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedProtocolVersion: -32022,
} as const
