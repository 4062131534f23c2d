import { type Guard, isRecord, type JsonRpcRequest, type JsonRpcResponse, rpcCodes } from '@portcullis/guard'
import { metaKeys } from './envelope.ts'
import { factsOf, revisions } from './facts.ts'
import type { Handshake } from './handshake.ts'
import { fail, ok } from './responses.ts'
import type { Routes } from './routes.ts'
import { logLevels, type Session } from './session.ts'

/** The requests that clients begin with, and the one by which they say what they want logged: answered here, from what the server said once. */
export interface Lifecycle {
  initialize(session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse>
  discover(session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse>
  setLevel(session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse>
}

export const createLifecycle = (options: {
  readonly guard: Guard
  readonly routes: Routes
  /** One client only: its own `initialize` is passed on. */
  readonly sole: boolean
}): Lifecycle => {
  const { guard, routes, sole } = options
  const { sessionEra } = routes.local

  /** What a server can do, with what its clients must know of the guard in front of it. */
  const declared = (capabilities: Handshake['capabilities']): Record<string, unknown> => {
    const { experimental } = capabilities
    return {
      ...capabilities,
      experimental: { ...(isRecord(experimental) ? experimental : {}), authentication: guard.declaration },
    }
  }

  const initialize = async (session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse> => {
    if (typeof message.params?.['protocolVersion'] !== 'string') {
      return fail(message.id, rpcCodes.invalidParams, 'params.protocolVersion must be a string.')
    }
    const facts = factsOf(message.params)
    if (sole) await sessionEra.initialize({ ...message.params, protocolVersion: facts.revision })
    session.facts = facts
    const handshake = await routes.ready(session)
    return ok(message.id, {
      ...handshake,
      protocolVersion: facts.revision,
      capabilities: declared(handshake.capabilities),
    })
  }

  const discover = async (session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse> => {
    const { capabilities, instructions, serverInfo } = await routes.ready(session)
    return ok(message.id, {
      resultType: 'complete',
      supportedVersions: revisions,
      capabilities: declared(capabilities),
      ...(instructions === undefined ? {} : { instructions }),
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { [metaKeys.serverInfo]: serverInfo },
    })
  }

  const setLevel = async (session: Session, message: JsonRpcRequest): Promise<JsonRpcResponse> => {
    const { capabilities } = await sessionEra.ready()
    if (!isRecord(capabilities['logging'])) return fail(message.id, rpcCodes.methodNotFound, 'Method not found')
    const level = logLevels.indexOf(message.params?.['level'] as (typeof logLevels)[number])
    if (level < 0) return fail(message.id, rpcCodes.invalidParams, 'params.level is not a log level.')
    session.logLevel = level
    return ok(message.id)
  }

  return { initialize, discover, setLevel }
}
