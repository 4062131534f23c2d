import { canonicalResourceUri, type Principal } from '@portcullis/authz'
import {
  type Guard,
  isRecord,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  rpcCodes,
} from '@portcullis/guard'
import type { Reply } from '../types.ts'
import { metaKeys } from './envelope.ts'
import type { Handshake } from './handshake.ts'
import { fail, ok } from './responses.ts'
import type { Session } from './session.ts'

/** Who listens to what by `subscriptions/listen` (2026-07-28): one request, answered when the listening ends. */
export interface Listeners {
  /** Acknowledges, and resolves with the response that ends it; with nothing when the client went away. */
  listen(
    principal: Principal,
    /** Whose places it takes. */
    owner: string,
    session: Session,
    message: JsonRpcRequest,
    reply: Reply,
    handshake: Handshake,
  ): Promise<JsonRpcResponse | undefined>
  /** Hands a change of a list to everybody who listens for it. */
  listChanged(message: JsonRpcNotification): void
  /** Hands an update of a resource to everybody who listens for it and may still read it. */
  updated(uri: string, message: JsonRpcNotification): Promise<void>
  /** Whether anybody listens to a resource. */
  wants(uri: string): boolean
  close(): void
}

interface Listener {
  readonly principal: Principal
  readonly owner: string
  readonly filter: Filter
  readonly id: string | number
  readonly reply: Reply
  /** With an answer, or for a client that is gone without one. */
  end(answered: boolean): void
}

interface Filter {
  readonly lists: ReadonlySet<string>
  readonly uris: ReadonlySet<string>
}

const lists = { toolsListChanged: 'tools', promptsListChanged: 'prompts', resourcesListChanged: 'resources' } as const
const maxInAll = 1024
const maxPerPrincipal = 100
const checkEveryMs = 1000

/** What was asked for and the server can do: only that is acknowledged. */
const honored = (wanted: Readonly<Record<string, unknown>>, { capabilities }: Handshake): Record<string, unknown> => {
  const can = (name: string, what: string): boolean => {
    const capability = capabilities[name]
    return isRecord(capability) && capability[what] === true
  }
  const uris = wanted['resourceSubscriptions']
  return {
    ...Object.fromEntries(
      Object.entries(lists)
        .filter(([name, list]) => wanted[name] === true && can(list, 'listChanged'))
        .map(([name]) => [name, true]),
    ),
    ...(Array.isArray(uris) && uris.length > 0 && can('resources', 'subscribe') ? { resourceSubscriptions: uris } : {}),
  }
}

export const createListeners = (options: {
  readonly guard: Guard
  /** Called when the first listener of a resource comes, and when the last one is gone. */
  readonly watch: (uri: string) => void
  readonly unwatch: (uri: string) => void
}): Listeners => {
  const { guard } = options
  const listening = new Set<Listener>()

  const wants = (uri: string): boolean => {
    for (const { filter } of listening) if (filter.uris.has(uri)) return true
    return false
  }

  const stamped = (message: JsonRpcNotification, id: string | number): JsonRpcNotification => {
    const meta = message.params?.['_meta']
    const _meta = { ...(isRecord(meta) ? meta : {}), [metaKeys.subscription]: id }
    return { ...message, params: { ...message.params, _meta } }
  }

  const ending = (id: string | number, { serverInfo }: Handshake): JsonRpcResponse =>
    ok(id, {
      resultType: 'complete',
      _meta: { [metaKeys.subscription]: id, [metaKeys.serverInfo]: serverInfo },
    })

  return {
    wants,
    listen(principal, owner, session, message, reply, handshake) {
      const { id } = message
      const own = [...listening].filter((listener) => listener.owner === owner).length
      if (listening.size >= maxInAll || own >= maxPerPrincipal) {
        return Promise.resolve(fail(id, rpcCodes.internalError, 'Too many subscriptions are open.'))
      }
      const wanted = (message.params?.['notifications'] ?? {}) as Readonly<Record<string, unknown>>
      const notifications = honored(wanted, handshake)
      const filter: Filter = {
        lists: new Set(Object.entries(lists).flatMap(([name, list]) => (notifications[name] === true ? [list] : []))),
        uris: new Set((notifications['resourceSubscriptions'] ?? []) as string[]),
      }
      const acknowledged = reply.send(
        stamped({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications } }, id),
      )
      if (!acknowledged) {
        return Promise.resolve(fail(id, rpcCodes.invalidRequest, 'Accept must include text/event-stream.'))
      }
      if (Object.keys(notifications).length === 0) return Promise.resolve(ending(id, handshake))

      return new Promise((resolve) => {
        const fresh = [...filter.uris].filter((uri) => !wants(uri))
        const listener: Listener = {
          principal,
          owner,
          filter,
          id,
          reply,
          end(answered) {
            if (!listening.delete(listener)) return
            clearInterval(timer)
            session.calls.delete(id)
            for (const uri of filter.uris) if (!wants(uri)) options.unwatch(uri)
            resolve(answered ? ending(id, handshake) : undefined)
          },
        }
        const check = async (): Promise<void> => {
          const now = await reply.renew()
          if (now?.id !== principal.id) listener.end(true)
        }
        const timer = setInterval(() => void check(), checkEveryMs).unref()
        const gone = (): void => listener.end(false)
        session.calls.set(id, { cancel: gone, abandon: gone })
        listening.add(listener)
        for (const uri of fresh) options.watch(uri)
      })
    },
    listChanged(message) {
      const list = message.method.split('/')[1] as string
      for (const listener of listening) {
        if (listener.filter.lists.has(list)) listener.reply.send(stamped(message, listener.id))
      }
    },
    async updated(uri, message) {
      const canonical = canonicalResourceUri(uri)
      if (canonical === undefined) return
      for (const listener of listening) {
        if (!listener.filter.uris.has(canonical)) continue
        // Decided anew, on the listener's record of this moment.
        const principal = await listener.reply.renew()
        if (principal?.id !== listener.principal.id) listener.end(true)
        else if (guard.mayReceive(principal, canonical)) listener.reply.send(stamped(message, listener.id))
      }
    },
    close() {
      for (const listener of listening) listener.end(true)
    },
  }
}
