import type { Principal } from '@portcullis/authz'
import { isRecord, type JsonRpcRequest, type JsonRpcResponse } from '@portcullis/guard'
import { createHash } from 'node:crypto'
import type { Sealer } from '../sealer.ts'

/**
 * What a server wants to be told again with the answers that it asks for (2026-07-28, `requestState`). The client carries it, so it
 * is sealed: of use to the principal that it was given to, for the same request with the same arguments, for ten minutes.
 */
export interface RequestStates {
  /** The request with the server's own state; `undefined` when the state is not one that this caller was given for it. */
  open(principal: Principal, message: JsonRpcRequest): JsonRpcRequest | undefined
  seal(principal: Principal, message: JsonRpcRequest, response: JsonRpcResponse): JsonRpcResponse
}

const lifetimeMs = 600_000

const digestOf = (args: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(args ?? null))
    .digest('base64url')

export const createRequestStates = (sealer: Sealer, clock: () => number = Date.now): RequestStates => {
  const ownerOf = (principal: Principal, { method, params }: JsonRpcRequest): string =>
    JSON.stringify([method, params?.['name'] ?? params?.['uri'] ?? '', digestOf(params?.['arguments']), principal.id])

  return {
    open(principal, message) {
      const state = message.params?.['requestState']
      if (state === undefined) return message
      const opened = typeof state === 'string' ? sealer.open(ownerOf(principal, message), state) : undefined
      if (opened === undefined) return undefined
      const end = opened.indexOf(' ')
      if (Number.parseInt(opened.slice(0, end), 36) <= clock()) return undefined
      return { ...message, params: { ...message.params, requestState: opened.slice(end + 1) } }
    },
    seal(principal, message, response) {
      const { result } = response
      if (!isRecord(result) || result['resultType'] !== 'input_required') return response
      const { requestState: state } = result
      if (typeof state !== 'string') return response
      const requestState = sealer.seal(ownerOf(principal, message), `${(clock() + lifetimeMs).toString(36)} ${state}`)
      return { ...response, result: { ...result, requestState } }
    },
  }
}
