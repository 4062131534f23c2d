import {
  isRecord,
  isStateless,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  refuse,
  type Refusal,
  type Revision,
  rpcCodes,
} from '@portcullis/guard'
import { claims, metaKeys, metaOf, refusedEnvelope, unsupportedVersion } from '../hub/envelope.ts'
import { revisions } from '../hub/facts.ts'
import { decodeHeader } from '../hub/param-headers.ts'

/** Which revision one message speaks, by its body and its headers, which must agree (2026-07-28, Streamable HTTP). */

type Header = (name: string) => string | undefined

/** What `Mcp-Name` repeats, by method. */
const named: Readonly<Record<string, 'name' | 'uri'>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}

const mismatch = (text: string): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', `Bad Request: headers and body disagree: ${text}`, {
    rpcCode: rpcCodes.headerMismatch,
    reason: 'header_mismatch',
  })

type Spoken = JsonRpcRequest | JsonRpcNotification

/** Headers that say something else than the body; with `all`, also those of a request that are missing. */
const refusedHeaders = (message: Spoken, header: Header, all: boolean): Refusal | undefined => {
  const { method, params } = message
  const needed = all && 'id' in message
  const version = header('mcp-protocol-version')?.trim()
  const claimed = metaOf(params)?.[metaKeys.version]
  if (version === undefined && needed) return mismatch('MCP-Protocol-Version is missing.')
  if (version !== undefined && claimed !== undefined && version !== claimed) {
    return mismatch('MCP-Protocol-Version is not what _meta says.')
  }
  const spokenMethod = header('mcp-method')?.trim()
  if (spokenMethod === undefined && needed) return mismatch('Mcp-Method is missing.')
  if (spokenMethod !== undefined && spokenMethod !== method)
    return mismatch('Mcp-Method is not the method of the body.')

  const member = Object.hasOwn(named, method) ? named[method] : undefined
  const value = member === undefined ? undefined : params?.[member]
  if (typeof value !== 'string') return undefined
  const name = header('mcp-name')
  if (name === undefined) return needed ? mismatch('Mcp-Name is missing.') : undefined
  const decoded = decodeHeader(name)
  if (decoded === undefined) return mismatch('Mcp-Name is not well encoded.')
  return decoded === value ? undefined : mismatch(`Mcp-Name is not params.${member}.`)
}

const refusedStateless = (message: Spoken, header: Header): Refusal | undefined => {
  const envelope = 'id' in message ? refusedEnvelope(message.params) : refusedVersion(message.params)
  const unsupported = envelope?.rpcCode === rpcCodes.unsupportedProtocolVersion
  // Which headers a revision needs that is not served, nobody here knows.
  if (envelope !== undefined && !unsupported) return envelope
  return refusedHeaders(message, header, !unsupported) ?? envelope
}

/** Notifications need not say which revision they are of; the header does then. */
const refusedVersion = (params: Spoken['params']): Refusal | undefined => {
  const version = metaOf(params)?.[metaKeys.version]
  return typeof version === 'string' && version !== revisions[0] ? unsupportedVersion(version) : undefined
}

/** The revision of a message that stands alone; a refusal when its parts contradict each other or name none that is served. */
export const revisionOf = (message: JsonRpcMessage, header: Header): Revision | Refusal => {
  const version = header('mcp-protocol-version')?.trim()
  const known = revisions.find((revision) => revision === version)
  if ('method' in message) {
    // `initialize` is of the older revisions unless everything else about it says that it is not.
    const older = message.method === 'initialize' && refusedEnvelope(message.params) !== undefined
    const stateless = known !== undefined && isStateless(known)
    if (older) return stateless ? mismatch('initialize belongs to older revisions.') : '2025-03-26'
    if (claims(message.params) || stateless) return refusedStateless(message, header) ?? (revisions[0] as Revision)
  }
  if (version === undefined) return '2025-03-26'
  return known ?? unsupportedVersion(version)
}

/** The HTTP status of an answer: 2026-07-28 gives some of the protocol's errors one of their own. */
export const statusOf = (revision: Revision, response: unknown): number => {
  const error = isStateless(revision) && isRecord(response) ? response['error'] : undefined
  const code = isRecord(error) ? error['code'] : undefined
  if (code === rpcCodes.methodNotFound) return 404
  return code === rpcCodes.missingClientCapability ? 400 : 200
}
