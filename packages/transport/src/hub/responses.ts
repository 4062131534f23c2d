import type { JsonRpcResponse, RequestId } from '@portcullis/guard'

export const ok = (id: RequestId, result: unknown = {}): JsonRpcResponse => ({ jsonrpc: '2.0', id, result })

export const fail = (id: RequestId, code: number, message: string): JsonRpcResponse => ({
  jsonrpc: '2.0',
  id,
  error: { code, message },
})
