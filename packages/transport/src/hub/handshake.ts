import { isRecord, type JsonRpcResponse } from '@portcullis/guard'
import { TransportError } from '../errors.ts'
import { metaKeys } from './envelope.ts'
import { revisions } from './facts.ts'

/** What a server says of itself, by `initialize` or by `server/discover`. */
export interface Handshake {
  readonly protocolVersion: string
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly serverInfo: Readonly<Record<string, unknown>>
  readonly instructions?: string
}

/** Capabilities that a shared server is told its client has; what one client really has is checked at each request. */
export const everything = {
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
}

/** The revision that a server with sessions is asked for. */
export const latest = '2025-11-25'

const refused = (method: string, { error }: JsonRpcResponse, lacking: string): TransportError =>
  new TransportError(
    'ERR_TRANSPORT_HANDSHAKE',
    `the server did not accept ${method}: ${JSON.stringify(error?.message ?? `no ${lacking} in its answer`)}`,
  )

/** @throws {TransportError} `ERR_TRANSPORT_HANDSHAKE` */
export const initialized = (response: JsonRpcResponse): Handshake => {
  const { result } = response
  if (!isRecord(result) || typeof result['protocolVersion'] !== 'string') {
    throw refused('initialize', response, 'protocolVersion')
  }
  return {
    ...result,
    protocolVersion: result['protocolVersion'],
    capabilities: isRecord(result['capabilities']) ? result['capabilities'] : {},
    serverInfo: isRecord(result['serverInfo']) ? result['serverInfo'] : {},
  }
}

/** @throws {TransportError} `ERR_TRANSPORT_HANDSHAKE` */
export const discovered = (response: JsonRpcResponse): Handshake => {
  const { result } = response
  if (!isRecord(result)) throw refused('server/discover', response, 'result')
  const { capabilities, instructions, _meta: meta } = result
  const serverInfo = isRecord(meta) ? meta[metaKeys.serverInfo] : undefined
  return {
    protocolVersion: revisions[0] as string,
    capabilities: isRecord(capabilities) ? capabilities : {},
    serverInfo: isRecord(serverInfo) ? serverInfo : {},
    ...(typeof instructions === 'string' ? { instructions } : {}),
  }
}
