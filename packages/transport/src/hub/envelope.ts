import { isRecord, refuse, type Refusal, rpcCodes } from '@portcullis/guard'
import { revisions } from './facts.ts'
import { logLevels } from './session.ts'

/** The members of `_meta` that 2026-07-28 reserves: what `initialize` used to say, said by every message. */
export const metaKeys = {
  version: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const

type Params = Readonly<Record<string, unknown>> | undefined

export const metaOf = (params: Params): Readonly<Record<string, unknown>> | undefined => {
  const meta = params?.['_meta']
  return isRecord(meta) ? meta : undefined
}

/** Whether a message names its revision by itself, whatever it names. */
export const claims = (params: Params): boolean => metaOf(params)?.[metaKeys.version] !== undefined

export const unsupportedVersion = (requested: string): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', 'Unsupported protocol version', {
    rpcCode: rpcCodes.unsupportedProtocolVersion,
    data: { supported: revisions, requested: requested.slice(0, 64) },
    reason: 'protocol_version',
  })

/** What 2026-07-28 wants in the envelope of a request and is not there, or is not what it should be. */
export const refusedEnvelope = (params: Params): Refusal | undefined => {
  const meta = metaOf(params) ?? {}
  const { [metaKeys.version]: version, [metaKeys.clientInfo]: info, [metaKeys.clientCapabilities]: capabilities } = meta
  const wrong = [
    ...(typeof version === 'string' ? [] : [metaKeys.version]),
    ...(isRecord(capabilities) ? [] : [metaKeys.clientCapabilities]),
    ...(info === undefined || isImplementation(info) ? [] : [metaKeys.clientInfo]),
  ]
  if (wrong.length > 0) {
    return refuse(400, 'PORTCULLIS_BAD_REQUEST', `Invalid params: _meta lacks or misstates ${wrong.join(', ')}.`, {
      rpcCode: rpcCodes.invalidParams,
      data: { envelope: wrong },
      reason: 'envelope',
    })
  }
  return version === revisions[0] ? undefined : unsupportedVersion(version as string)
}

const isImplementation = (info: unknown): boolean =>
  isRecord(info) && typeof info['name'] === 'string' && typeof info['version'] === 'string'

/** The least severe level that a request wants logged to it. Nothing is, unless it asks. */
export const wantedLevel = (params: Params): number => {
  const level = metaOf(params)?.[metaKeys.logLevel]
  const known = logLevels.indexOf(level as (typeof logLevels)[number])
  return known < 0 ? logLevels.length : known
}

/** The envelope of our own requests to a server. */
export const ownEnvelope = (clientInfo: object): Record<string, unknown> => ({
  [metaKeys.version]: revisions[0],
  [metaKeys.clientInfo]: clientInfo,
  [metaKeys.clientCapabilities]: {},
})
