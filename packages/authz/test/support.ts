import { type Action, type ActionKind, grantsFromScopes, type Principal } from '../src/index.ts'

export const act = (kind: ActionKind, server: string, name: string): Action => ({ kind, server, name })

export const call = (name: string, args?: Record<string, unknown>, server = 'local'): Action => ({
  ...act('tool', server, name),
  ...(args === undefined ? {} : { arguments: args }),
})

export const key = (...grants: string[]): Principal => ({
  id: 'key:1',
  method: 'api_key',
  grants,
  authenticatedAtMs: 0,
})

export const token = (...scopes: string[]): Principal => ({
  id: 'oauth:1',
  method: 'oauth2',
  grants: grantsFromScopes(scopes),
  authenticatedAtMs: 0,
  claims: { scopes },
})
