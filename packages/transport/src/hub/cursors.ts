import type { Principal } from '@portcullis/authz'
import { isRecord, type JsonRpcRequest, type JsonRpcResponse } from '@portcullis/guard'
import type { Sealer } from '../sealer.ts'

/** Cursors are the server's; sealed, they are of use only to the principal and for the list that they were given for. */
export interface Cursors {
  /** The request with the server's own cursor; `undefined` when the cursor is not the caller's. */
  open(principal: Principal, message: JsonRpcRequest): JsonRpcRequest | undefined
  /** The response with its cursor sealed. */
  seal(principal: Principal, method: string, response: JsonRpcResponse): JsonRpcResponse
}

export const createCursors = (sealer: Sealer): Cursors => {
  const ownerOf = (method: string, principal: Principal): string => `${method} ${principal.id}`
  return {
    open(principal, message) {
      const cursor = message.params?.['cursor']
      if (cursor === undefined) return message
      const opened = typeof cursor === 'string' ? sealer.open(ownerOf(message.method, principal), cursor) : undefined
      return opened === undefined ? undefined : { ...message, params: { ...message.params, cursor: opened } }
    },
    seal(principal, method, response) {
      const { result } = response
      if (!isRecord(result) || typeof result['nextCursor'] !== 'string') return response
      const nextCursor = sealer.seal(ownerOf(method, principal), result['nextCursor'])
      return { ...response, result: { ...result, nextCursor } }
    },
  }
}
