import { canonicalResourceUri, type Principal } from '@portcullis/authz'
import {
  type Exchange,
  type GuardLog,
  isRecord,
  isStateless,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type Pass,
  refuse,
  type Refusal,
  rpcCodes,
} from '@portcullis/guard'
import { authInfoOf } from '../auth-info.ts'
import { ownNames } from '../gateway.ts'
import type { Gateway, McpEndpoint, Names, Reply } from '../types.ts'
import { metaKeys } from './envelope.ts'
import type { HubOptions } from './hub.ts'
import type { Handshake } from './handshake.ts'
import { mergeLists, patienceMs } from './lists.ts'
import { createParamHeaders, type ParamHeaders } from './param-headers.ts'
import { createServer, type Server } from './server.ts'
import { createSession, type Session } from './session.ts'

/** Where the requests of clients go: to one server, or by their names to one of many. */
export interface Routes {
  readonly names: Names
  /** The server that clients initialize with. */
  readonly local: Server
  /** The handshake of what stands behind this endpoint, all together. */
  ready(session: Session): Promise<Handshake>
  /** Sends a request that may run to its server; a refusal for one that the server would not understand as we did. */
  forward(
    session: Session,
    exchange: Exchange,
    message: JsonRpcRequest,
    pass: Pass,
    reply: Reply,
  ): Promise<JsonRpcResponse | Refusal | undefined>
  watch(uri: string): void
  unwatch(uri: string): void
  close(): Promise<void>
}

export interface RoutesOptions extends Omit<HubOptions, 'stateless' | 'mayAsk' | 'onListChanged' | 'onUpdated'> {
  readonly log: GuardLog
  readonly onListChanged: (message: JsonRpcNotification) => void
  readonly onUpdated: (uri: string, message: JsonRpcNotification) => void
}

/** What a client of many servers is told that it has, whichever of them are up. */
const many = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
}

/** Tasks of upstreams could not be asked for: they are asked to answer at once. */
const withoutTask = (message: JsonRpcRequest): JsonRpcRequest => {
  if (message.params?.['task'] === undefined) return message
  const { task: _, ...params } = message.params
  return { ...message, params }
}

/** The server that a request that may run goes to. */
export const serverOf = ({ action, actions, template }: Pass): string =>
  action?.server ?? template?.server ?? actions?.[0]?.server ?? 'local'

export const createRoutes = (behind: McpEndpoint | Gateway, options: RoutesOptions): Routes => {
  const { log } = options
  const gateway = 'servers' in behind ? behind : undefined
  const names = gateway?.names ?? ownNames
  const endpoints: ReadonlyMap<string, McpEndpoint> = gateway?.servers ?? new Map([['local', behind as McpEndpoint]])

  const servers = new Map<string, { server: Server; paramHeaders: ParamHeaders }>()
  for (const [id, endpoint] of endpoints) {
    const server = createServer(endpoint, {
      ...options,
      mayAsk: id === 'local',
      taskOwner: id === 'local' ? options.taskOwner : () => undefined,
      onLost: () => servers.get(id)?.paramHeaders.forget(),
      sole: options.sole && id === 'local',
      onListChanged(message) {
        if (message.method === 'notifications/tools/list_changed') servers.get(id)?.paramHeaders.forget()
        options.onListChanged(message)
      },
      onUpdated(uri, message) {
        const canonical = canonicalResourceUri(uri)
        if (canonical === undefined) return
        const outward = { ...message, params: { ...message.params, uri: names.uri(id, uri) } }
        options.onUpdated(names.uri(id, canonical), outward)
      },
    })
    const paramHeaders = createParamHeaders((params) => server.ask('2026-07-28', 'tools/list', params, patienceMs))
    servers.set(id, { server, paramHeaders })
  }
  const { server: local } = servers.get('local') as { server: Server }

  const authInfo = (principal: Principal, session: Session) => authInfoOf(principal, session.facts.revision)

  const merged = async (
    session: Session,
    { principal }: Exchange,
    message: JsonRpcRequest,
    items: string,
    reply: Reply,
  ) => {
    const leaving = new AbortController()
    const leave = (): void => leaving.abort()
    const entry = { cancel: leave, abandon: leave }
    session.calls.set(message.id, entry)
    const list = await mergeLists(
      servers.keys(),
      names,
      message,
      items,
      (id, asked, given) => {
        // Every server is asked under the same id, so each in a session of its own.
        const own = createSession(session.principalId, session.facts)
        given.addEventListener('abort', () => {
          for (const call of own.calls.values()) call.cancel('nobody waits for it')
        })
        const gone = (): boolean => given.aborted || reply.gone?.() === true
        const to = { session: own, outlet: { send: reply.send, gone }, authInfo: authInfo(principal, session) }
        return (servers.get(id) as { server: Server }).server.call(asked, to)
      },
      (id, error) => log('warn', 'upstream.fault', { upstream: id, method: message.method, error }),
      leaving.signal,
    )
    if (session.calls.get(message.id) === entry) session.calls.delete(message.id)
    if (leaving.signal.aborted) return undefined
    if (!isStateless(session.facts.revision)) return list
    const { serverInfo } = await local.ready(session.facts.revision)
    const result = { ...(list.result as object), resultType: 'complete', _meta: { [metaKeys.serverInfo]: serverInfo } }
    return { ...list, result }
  }

  const at = (uri: string, does: (server: Server, own: string) => Promise<void>): void => {
    const { server: id, name } = names.locate('resource', uri)
    const { server } = servers.get(id) ?? {}
    if (server === undefined) return
    does(server, name).catch((error: unknown) => log('warn', 'upstream.fault', { upstream: id, error }))
  }

  return {
    names,
    local,
    async ready(session) {
      const handshake = await local.ready(session.facts.revision)
      if (gateway === undefined) return handshake
      const merge = Object.entries(many).map(([name, capability]) => {
        const own = handshake.capabilities[name]
        return [name, { ...(isRecord(own) ? own : {}), ...capability }]
      })
      return { ...handshake, capabilities: { ...handshake.capabilities, ...Object.fromEntries(merge) } }
    },
    async forward(session, exchange, message, pass, reply) {
      const { items } = pass.method
      if (gateway !== undefined && items !== undefined && items !== 'tasks') {
        return merged(session, exchange, message, items, reply)
      }
      const id = serverOf(pass)
      const target = servers.get(id)
      // A grant may name a server that this endpoint does not have: for the caller it is a name that does not exist.
      if (target === undefined) {
        return refuse(200, 'PORTCULLIS_NOT_FOUND', 'Not found', { rpcCode: rpcCodes.invalidParams, reason: 'server' })
      }
      const { server, paramHeaders } = target
      if (reply.header !== undefined && pass.action?.kind === 'tool' && isStateless(session.facts.revision)) {
        const refused = await paramHeaders.disagree(pass.action.name, message.params?.['arguments'], reply.header)
        if (refused !== undefined) return refused
      }
      if (reply.gone?.() === true) return undefined
      const to = { session, outlet: reply, authInfo: authInfo(exchange.principal, session) }
      const response = await server.call(names.inward(id === 'local' ? message : withoutTask(message), pass), to)
      return response === undefined ? undefined : names.outward(id, message.method, response)
    },
    watch: (uri) => at(uri, (server, own) => server.watch(own)),
    unwatch: (uri) => at(uri, (server, own) => server.unwatch(own)),
    async close() {
      await Promise.all([...servers.values()].map(({ server }) => server.close()))
    },
  }
}
