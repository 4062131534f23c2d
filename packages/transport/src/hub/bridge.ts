import { isRecord, type JsonRpcRequest, type JsonRpcResponse, rpcCodes } from '@portcullis/guard'
import { metaKeys, metaOf } from './envelope.ts'

/** A client of 2026-07-28 before a server of 2025: the same requests, said in the older words, and the answers in the newer. */

const envelope: readonly string[] = [
  metaKeys.version,
  metaKeys.clientInfo,
  metaKeys.clientCapabilities,
  metaKeys.logLevel,
]

/** The request without its envelope, which an older server has no use for. */
export const toSessionEra = (message: JsonRpcRequest): JsonRpcRequest => {
  const meta = metaOf(message.params)
  if (meta === undefined) return message
  const rest = Object.fromEntries(Object.entries(meta).filter(([key]) => !envelope.includes(key)))
  const { _meta: _, ...params } = message.params ?? {}
  return { ...message, params: Object.keys(rest).length === 0 ? params : { ...params, _meta: rest } }
}

/** Codes that 2026-07-28 took away: a resource that is not there, a URL elicitation asked for by an error. */
const resourceNotFound = -32002
const urlElicitationRequired = -32042

/** The answer as 2026-07-28 writes it: complete, from a server that says who it is. */
export const toStatelessEra = (
  response: JsonRpcResponse,
  serverInfo: Readonly<Record<string, unknown>>,
): JsonRpcResponse => {
  const { result, error } = response
  if (error?.code === resourceNotFound) return { ...response, error: { ...error, code: rpcCodes.invalidParams } }
  if (error?.code === urlElicitationRequired) {
    return {
      ...response,
      error: { code: rpcCodes.internalError, message: 'The server asks its client for something in a way of 2025.' },
    }
  }
  if (!isRecord(result)) return response
  const { _meta: meta } = result
  return {
    ...response,
    result: {
      ...result,
      resultType: 'complete',
      _meta: { ...(isRecord(meta) ? meta : {}), [metaKeys.serverInfo]: serverInfo },
    },
  }
}
