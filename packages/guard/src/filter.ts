import type { Principal } from '@portcullis/authz'
import { type Locate, locateResource } from './authorize.ts'
import { isRecord, type JsonRpcResponse } from './json-rpc.ts'
import type { Method } from './methods.ts'
import type { Authorizer } from './ports.ts'

/** Whether `principal` may see one item of a list: the same `decide` that will judge the call. */
const visible = (
  policy: Authorizer,
  principal: Principal,
  items: NonNullable<Method['items']>,
  item: Readonly<Record<string, unknown>>,
  locate: Locate,
): boolean => {
  const { name, uri, uriTemplate } = item
  switch (items) {
    case 'tools':
      return typeof name === 'string' && policy.decide(principal, { kind: 'tool', ...locate('tool', name) }).allowed
    case 'prompts':
      return typeof name === 'string' && policy.decide(principal, { kind: 'prompt', ...locate('prompt', name) }).allowed
    case 'resources': {
      const located = typeof uri === 'string' ? locateResource(locate, uri) : undefined
      if (located === undefined) return false
      return policy.decide(principal, { kind: 'resource', server: located.server, name: located.name }).allowed
    }
    case 'resourceTemplates': {
      if (typeof uriTemplate !== 'string') return false
      const { server, name: template } = locate('resource', uriTemplate)
      return policy.allowsTemplate(principal, server, template)
    }
    case 'tasks':
      return true
  }
}

/** The result of a list method with only what the principal may use. A list in an unknown shape becomes an empty one. */
export const filterList = (
  policy: Authorizer,
  principal: Principal,
  method: Method,
  result: unknown,
  locate: Locate,
): unknown => {
  const { items } = method
  if (items === undefined || !isRecord(result)) return result
  const list = result[items]
  if (!Array.isArray(list)) return { ...result, [items]: [] }
  const kept = list.filter((item: unknown) => isRecord(item) && visible(policy, principal, items, item, locate))
  return kept.length === list.length ? result : { ...result, [items]: kept }
}

/**
 * What one principal may see is for its own cache alone (2026-07-28 caching): an answer that was decided on never says `public`,
 * whatever the server thinks, and one that says nothing is not kept at all.
 */
export const ownCopy = (method: Method, response: JsonRpcResponse): JsonRpcResponse => {
  const { result } = response
  if (!isRecord(result) || (method.items === undefined && method.decided !== 'resource')) return response
  // Not an answer yet, but what the server still wants to know.
  if (result['resultType'] === 'input_required') return response
  const { ttlMs = 0, cacheScope } = result
  if (cacheScope === 'private' && 'ttlMs' in result) return response
  return { ...response, result: { ...result, ttlMs, cacheScope: 'private' } }
}
