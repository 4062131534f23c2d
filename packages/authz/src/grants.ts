import { type ParsedGrant, parseGrants } from './grant.ts'
import { compileMatcher } from './matcher.ts'
import { isDecidable, isServerId } from './name.ts'
import { isTemplateAllowed, templateTokens } from './template.ts'
import type { CompiledGrants, GrantDecision } from './types.ts'

const INVALID: GrantDecision = Object.freeze({ allowed: false, reason: 'invalid_name' })
const NO_GRANT: GrantDecision = Object.freeze({ allowed: false, reason: 'no_grant' })

const cache = new WeakMap<readonly string[], CompiledGrants>()

/**
 * Compiles lines of permission into one matcher; the result is kept with the array, so a principal's grants are compiled once.
 * @throws AuthzError ERR_AUTHZ_GRANT for a malformed line, with the line and what is wrong with it
 */
export function compileGrants(grants: readonly string[]): CompiledGrants {
  const known = cache.get(grants)
  if (known !== undefined) return known
  const compiled = compile(parseGrants(grants))
  cache.set(grants, compiled)
  return compiled
}

function compile(lines: readonly ParsedGrant[]): CompiledGrants {
  const deny = compileMatcher(
    lines.filter((line) => line.deny),
    'restrict',
  )
  const allow = compileMatcher(
    lines.filter((line) => !line.deny),
    'grant',
  )
  const decide: CompiledGrants['decide'] = (action) => {
    if (!isDecidable(action)) return INVALID
    const denied = deny.find(action)
    if (denied !== undefined) return { allowed: false, reason: 'denied', grant: denied }
    const granted = allow.find(action)
    return granted === undefined ? NO_GRANT : { allowed: true, reason: 'granted', grant: granted }
  }
  return {
    decide,
    filter: (actions) => actions.filter((action) => decide(action).allowed),
    allowsTemplate(server, uriTemplate) {
      const template = isServerId(server) ? templateTokens(uriTemplate) : undefined
      return template !== undefined && isTemplateAllowed(allow, deny, server, template)
    },
  }
}

/** What the names of the first key files may do without an entry of their own: `default`, `readonly` and `limited`; any other name nothing. */
export function defaultGrants(keyName: string): readonly string[] {
  return DEFAULTS.get(keyName) ?? NONE
}

const NONE: readonly string[] = Object.freeze([])
const DEFAULTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['default', Object.freeze(['*'])],
  ['readonly', Object.freeze(['get_*', 'list_*'])],
  ['limited', Object.freeze(['hello_world', 'echo'])],
])
