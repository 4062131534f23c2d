import { isRecord, type JsonRpcRequest, type JsonRpcResponse, type Pass, requestMethods } from '@portcullis/guard'
import { createHash } from 'node:crypto'
import { TransportError } from './errors.ts'
import type { Gateway, McpEndpoint, Names } from './types.ts'

const serverId = /^[a-z][a-z0-9-]{0,31}$/
const maxNameLength = 64
const fits = /^[A-Za-z0-9_-]{1,64}$/
const separator = '__'
const maxAliases = 10_000

/** The names of one server that is alone: as they are. */
export const ownNames: Names = {
  locate: (_, name) => ({ server: 'local', name }),
  inward: (message) => message,
  outward: (_, __, response) => response,
  uri: (_, uri) => uri,
}

type Json = Readonly<Record<string, unknown>>

const createNames = (ids: ReadonlySet<string>): Names => {
  /** Names that had to be shortened or respelt, back to what the server calls them. */
  const aliases = new Map<string, string>()

  /** Models take 64 characters of `[A-Za-z0-9_-]`: a name that does not fit ends in a digest of itself. */
  const nameOf = (server: string, name: string): string => {
    const full = `${server}${separator}${name}`
    if (fits.test(full)) return full
    const digest = createHash('sha256').update(name).digest('hex').slice(0, 8)
    const kept = full.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, maxNameLength - digest.length - 1)
    const alias = `${kept}_${digest}`
    if (aliases.size >= maxAliases) aliases.delete(aliases.keys().next().value as string)
    aliases.set(alias, name)
    return alias
  }

  const split = (text: string, mark: string): { server: string; name: string } => {
    const end = text.indexOf(mark)
    const server = text.slice(0, end)
    return end > 0 && ids.has(server)
      ? { server, name: text.slice(end + mark.length) }
      : { server: 'local', name: text }
  }

  const uriOf = (server: string, uri: string): string => (server === 'local' ? uri : `${server}+${uri}`)

  const withUri = (server: string, item: unknown, member: string): unknown =>
    isRecord(item) && typeof item[member] === 'string' ? { ...item, [member]: uriOf(server, item[member]) } : item

  /** Resources inside the content of tools and prompts. */
  const content = (server: string, item: unknown): unknown => {
    if (!isRecord(item)) return item
    if (item['type'] === 'resource_link') return withUri(server, item, 'uri')
    if (item['type'] === 'resource') return { ...item, resource: withUri(server, item['resource'], 'uri') }
    return 'content' in item && isRecord(item['content'])
      ? { ...item, content: content(server, item['content']) }
      : item
  }

  const mapped = (result: Json, member: string, each: (item: unknown) => unknown): Json => {
    const list = result[member]
    return Array.isArray(list) ? { ...result, [member]: list.map(each) } : result
  }

  const listed = (server: string, items: string, item: unknown): unknown => {
    if (!isRecord(item)) return item
    if (items === 'resources') return withUri(server, item, 'uri')
    if (items === 'resourceTemplates') return withUri(server, item, 'uriTemplate')
    return typeof item['name'] === 'string' ? { ...item, name: nameOf(server, item['name']) } : item
  }

  return {
    locate(kind, name) {
      if (kind === 'resource') return split(name, '+')
      const { server, name: own } = split(name, separator)
      return server === 'local' ? { server, name } : { server, name: aliases.get(name) ?? own }
    },
    inward(message: JsonRpcRequest, { action, template }: Pass) {
      const { params = {} } = message
      if (template !== undefined) {
        return template.server === 'local'
          ? message
          : { ...message, params: { ...params, ref: { ...(params['ref'] as object), uri: template.uriTemplate } } }
      }
      if (action === undefined || action.server === 'local' || action.kind === 'server') return message
      if (message.method === 'completion/complete') {
        return { ...message, params: { ...params, ref: { ...(params['ref'] as object), name: action.name } } }
      }
      const member = action.kind === 'resource' ? 'uri' : 'name'
      return { ...message, params: { ...params, [member]: action.name } }
    },
    outward(server: string, method: string, response: JsonRpcResponse) {
      const { result } = response
      if (server === 'local' || !isRecord(result)) return response
      const items = requestMethods[method]?.items
      if (items !== undefined) {
        return { ...response, result: mapped(result, items, (item) => listed(server, items, item)) }
      }
      if (method === 'resources/read') {
        return { ...response, result: mapped(result, 'contents', (item) => withUri(server, item, 'uri')) }
      }
      const member = method === 'prompts/get' ? 'messages' : 'content'
      return { ...response, result: mapped(result, member, (item) => content(server, item)) }
    },
    uri: uriOf,
  }
}

/**
 * Many servers as one: `createGateway(local, { files: upstream })`. Give its `names.locate` to the guard, and the gateway to
 * `serveHttp` or `secureStdio` in place of a server.
 *
 * @throws {TransportError} `ERR_TRANSPORT_OPTIONS` for an id that is not `[a-z][a-z0-9-]*` of at most 32 characters, or is `local`
 */
export const createGateway = (local: McpEndpoint, upstreams: Readonly<Record<string, McpEndpoint>>): Gateway => {
  for (const id of Object.keys(upstreams)) {
    if (!serverId.test(id) || id === 'local') {
      throw new TransportError(
        'ERR_TRANSPORT_OPTIONS',
        `${JSON.stringify(id)} cannot be the id of an upstream: a letter, then letters, digits and "-" in lower case, not "local"`,
      )
    }
  }
  const servers = new Map([['local', local], ...Object.entries(upstreams)])
  return { servers, names: createNames(new Set(Object.keys(upstreams))) }
}
