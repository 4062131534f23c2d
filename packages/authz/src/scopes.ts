import { AuthzError } from './errors.ts'
import { parseGrant } from './grant.ts'
import { isNameChar } from './name.ts'
import type { Action, PolicyOptions } from './types.ts'

type Implies = NonNullable<PolicyOptions['implies']>

const PREFIX = 'mcp:'
const KINDS = ['tool:', 'resource:', 'prompt:', 'server:']
const MAX_SCOPES = 256

/**
 * What a token's scopes permit: `mcp:tool:NAME` as the grant `tool:NAME`, and so for `resource`, `prompt` and `server`. Every other scope, and any
 * that is malformed, is ignored: scopes come from outside and are never errors. `admin` cannot be had by scope.
 * The result is frozen; make it once for a token, not once for a request.
 */
export function grantsFromScopes(scopes: readonly string[], implies?: Implies): readonly string[] {
  const grants: string[] = []
  for (const scope of expandScopes(scopes, compileImplies(implies))) {
    if (!scope.startsWith(PREFIX)) continue
    const grant = scope.slice(PREFIX.length)
    if (KINDS.some((kind) => grant.startsWith(kind)) && isGrant(grant)) grants.push(grant)
  }
  return Object.freeze(grants)
}

/** True if the scopes let a token connect at all: `mcp:server:access` or any other that begins with `mcp:`, held or implied. */
export function scopesMayConnect(scopes: readonly string[], implies?: Implies): boolean {
  for (const scope of expandScopes(scopes, compileImplies(implies))) {
    if (scope.startsWith(PREFIX) && scope.length > PREFIX.length) return true
  }
  return false
}

function isGrant(text: string): boolean {
  try {
    parseGrant(text)
    return true
  } catch (error) {
    if (error instanceof AuthzError) return false
    throw error
  }
}

/** The table as a map without inherited keys. */
export function compileImplies(implies: Implies | undefined): ReadonlyMap<string, readonly string[]> {
  const table = new Map<string, readonly string[]>()
  for (const [scope, implied] of Object.entries(implies ?? {})) {
    if (!Array.isArray(implied) || !implied.every((entry) => typeof entry === 'string')) {
      throw new AuthzError('ERR_AUTHZ_OPTIONS', `implies[${JSON.stringify(scope)}] must be an array of scopes`)
    }
    table.set(scope, [...implied])
  }
  return table
}

/** The scopes with all that they imply; only the first 256 of a token are looked at. */
export function expandScopes(scopes: readonly string[], table: ReadonlyMap<string, readonly string[]>): Set<string> {
  const held = new Set(scopes.slice(0, MAX_SCOPES).filter((scope) => typeof scope === 'string'))
  // A set that grows while it is walked is walked to its end, each scope once.
  for (const scope of held) for (const implied of table.get(scope) ?? []) held.add(implied)
  return held
}

/** `mcp:KIND:*` holds every scope of that kind; hierarchies beyond that are the table's. */
export function holdsScope(held: ReadonlySet<string>, required: string): boolean {
  if (held.has(required)) return true
  const kind = required.startsWith(PREFIX) ? KINDS.find((name) => required.startsWith(name, PREFIX.length)) : undefined
  return kind !== undefined && held.has(`${PREFIX}${kind}*`)
}

/** The scope that would grant exactly this action, or undefined where none can. */
export function scopeForAction(action: Action): string | undefined {
  if (action.kind === 'admin' || action.name.length > 256) return undefined
  const name = action.kind === 'resource' ? action.name.replaceAll('*', '%2A') : encodeName(action.name)
  return `${PREFIX}${action.kind}:${action.server === 'local' ? '' : `${action.server}/`}${name}`
}

function encodeName(name: string): string {
  let out = ''
  for (const byte of new TextEncoder().encode(name)) {
    out += isNameChar(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
