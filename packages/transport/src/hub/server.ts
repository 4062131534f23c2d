import { isStateless, type JsonRpcRequest, type JsonRpcResponse, type Revision } from '@portcullis/guard'
import type { McpEndpoint } from '../types.ts'
import { toSessionEra, toStatelessEra } from './bridge.ts'
import { wantedLevel } from './envelope.ts'
import type { Handshake } from './handshake.ts'
import { createHub, type Destination, type Hub, type HubOptions } from './hub.ts'

/** One server, for clients of every revision. */
export interface Server {
  /** What the server says of itself to clients of this revision; connects it first when it is not. */
  ready(revision: Revision): Promise<Handshake>
  /** Sends a request; resolves with the response under the client's id, or with nothing when it was cancelled. */
  call(message: JsonRpcRequest, to: Destination): Promise<JsonRpcResponse | undefined>
  /** A request of our own. */
  ask(
    revision: Revision,
    method: string,
    params: Readonly<Record<string, unknown>>,
    timeoutMs?: number,
  ): Promise<JsonRpcResponse>
  /** Asks to be told of a resource, and no longer. A server that cannot do that says what it says unasked. */
  watch(uri: string): Promise<void>
  unwatch(uri: string): Promise<void>
  /** The face for clients with sessions. */
  readonly sessionEra: Hub
  close(): Promise<void>
}

export const createServer = (endpoint: McpEndpoint, options: Omit<HubOptions, 'stateless'>): Server => {
  const sessionEra = createHub(endpoint, options)
  const own =
    endpoint.stateless === undefined
      ? undefined
      : createHub({ ...endpoint.stateless }, { ...options, sole: false, mayAsk: false, stateless: true })
  let speaksStateless: Promise<Hub | undefined> | undefined

  /** The server's own face for 2026-07-28; nothing when it has none, or has one that turns out to be of another revision. */
  const statelessFace = (): Promise<Hub | undefined> => {
    speaksStateless ??= (own === undefined ? Promise.resolve() : own.ready()).then(
      () => own,
      () => undefined,
    )
    return speaksStateless
  }

  const subscribes = async (): Promise<boolean> => {
    const { capabilities } = await sessionEra.ready()
    return (capabilities['resources'] as { subscribe?: unknown } | undefined)?.subscribe === true
  }

  return {
    sessionEra,
    async ready(revision) {
      const face = isStateless(revision) ? await statelessFace() : undefined
      return (face ?? sessionEra).ready()
    },
    async call(message, to) {
      if (!isStateless(to.session.facts.revision)) return sessionEra.call(message, to)
      const asked = { ...to, logLevel: wantedLevel(message.params) }
      const face = await statelessFace()
      if (face !== undefined) return face.call(message, asked)
      const response = await sessionEra.call(toSessionEra(message), asked)
      if (response === undefined) return undefined
      return toStatelessEra(response, (await sessionEra.ready()).serverInfo)
    },
    async ask(revision, method, params, timeoutMs) {
      const face = isStateless(revision) ? await statelessFace() : undefined
      return (face ?? sessionEra).ask(method, params, timeoutMs)
    },
    async watch(uri) {
      if (await subscribes()) await sessionEra.ask('resources/subscribe', { uri })
    },
    async unwatch(uri) {
      if (await subscribes()) await sessionEra.ask('resources/unsubscribe', { uri })
    },
    async close() {
      await Promise.all([sessionEra.close(), own?.close()])
    },
  }
}
