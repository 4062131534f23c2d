/** What kind of thing an action touches. */
export type ActionKind = 'tool' | 'resource' | 'prompt' | 'server' | 'admin'

export const ACTION_KINDS: readonly ActionKind[] = ['tool', 'resource', 'prompt', 'server', 'admin']

/** At most so many units of cost in any window of that length. */
export interface PrincipalLimit {
  readonly requests: number
  readonly windowMs: number
}

/** Who is calling. Made by an authenticator, treated as frozen. */
export interface Principal {
  /** Injective over the method, the issuer or store, the tenant and the subject or key family. */
  readonly id: string
  /** How it was authenticated: `api_key`, `oauth2`, `anonymous`, ... */
  readonly method: string
  /** Lines of permission; the array's identity is the key of the cache of compiled grants, so never change one in place. */
  readonly grants: readonly string[]
  readonly authenticatedAtMs: number
  readonly expiresAtMs?: number
  readonly tenant?: string
  /** Limits of its own, which count in place of those of its method. */
  readonly limits?: readonly PrincipalLimit[]
  /** Who issued this principal's credential: what it asks is allowed if both may, and counts as the other's. At most 8 issuers in a row. */
  readonly delegatedBy?: Principal
  /** For `method: 'oauth2'`, `claims.scopes` holds the token's scopes as an array of strings. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** What is asked. `server` is `local` for a server's own primitives, else the upstream's id (`[a-z0-9-]+`). */
export interface Action {
  readonly kind: ActionKind
  readonly server: string
  /** Compared raw; for resources the canonical URI (see `canonicalResourceUri`). 1 to 1,024 characters. */
  readonly name: string
  /** Absent: the question of a listing, "would some arguments be allowed?". Present: argument rules are enforced. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

export type DecisionReason = 'granted' | 'no_grant' | 'denied' | 'scope' | 'argument' | 'invalid_name'

/** What grants alone say about an action. */
export interface GrantDecision {
  readonly allowed: boolean
  readonly reason: 'granted' | 'no_grant' | 'denied' | 'invalid_name'
  /** Text of the grant that decided. */
  readonly grant?: string
}

/** Allowed or refused, and why. */
export interface Decision {
  readonly allowed: boolean
  readonly reason: DecisionReason
  /** Text of the grant that decided. */
  readonly grant?: string
  /** Place of the rule that decided: `policy.rules[3]`. */
  readonly rule?: string
  /** Who refused where it was not the principal itself: 1 is its issuer (`delegatedBy`), 2 the issuer's issuer, to 9 for a chain that is too long. */
  readonly delegation?: number
  /** Every scope that the principal itself lacks; only where more scopes would change the decision (reason `scope`, no `delegation`). */
  readonly missingScopes?: readonly string[]
  /** JSON pointer of the argument that broke a rule. */
  readonly argument?: string
  /** Weight of the action; the first matching rule that states one, default 1. */
  readonly cost: number
  /** Names of the rules' limits to charge. */
  readonly limits: readonly string[]
  /** True: decide again with `arguments` once they are validated. */
  readonly argumentRules: boolean
  /** Places of rules in monitor mode that would have refused. */
  readonly monitored?: readonly string[]
}

/** Grants made ready to decide with. */
export interface CompiledGrants {
  /** Decides by the grants alone: a deny wins over any allow, nothing matching is `no_grant`. Never throws. */
  decide(action: Action): GrantDecision
  /** The actions that `decide` allows, in their order. */
  filter<A extends Action>(actions: readonly A[]): A[]
  /** True if some expansion of the RFC 6570 template could be allowed on that server. */
  allowsTemplate(server: string, uriTemplate: string): boolean
}

/** A restriction on actions that grants allow. Every rule that matches applies; a rule never grants anything. */
export interface PolicyRule {
  /** Grant syntax without `!`; without `server/` it means every server, as in a deny. */
  readonly match: string
  /** Scopes that an `oauth2` principal must hold besides its grant; other methods need the grant alone. */
  readonly requireScopes?: readonly string[]
  /** Argument name to globs, one of which must match: `*` does not cross `/` or `\`, `**` does. */
  readonly arguments?: Readonly<Record<string, readonly string[]>>
  /** Weight of a matching action for rate limits: 0 to 1,000,000. */
  readonly cost?: number
  /** A limit of its own for the actions that match. */
  readonly limit?: { readonly requests: number; readonly windowMs: number }
  /** `monitor` reports what would have been refused and changes nothing else. Default `enforce`. */
  readonly mode?: 'enforce' | 'monitor'
}

/** A limit that a rule declares; `name` is what `Decision.limits` lists. */
export interface RuleLimit {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
}

export interface PolicyOptions {
  readonly rules?: readonly PolicyRule[]
  /** Scope hierarchy: who holds the key holds the values too, transitively. */
  readonly implies?: Readonly<Record<string, readonly string[]>>
}

/** A doubt about grants or a policy that load, from `lintGrants` and `lint`. */
export interface LintFinding {
  /** `grants[2]`, `policy.rules[3]`, `policy.rules[3].arguments["repo"][0]`, `policy.implies["staff"]`. */
  readonly place: string
  readonly problem: LintProblem
  /** For people; texts from the configuration are JSON-encoded. */
  readonly message: string
}

/**
 * - `no_effect`: a rule requires nothing, costs nothing and limits nothing
 * - `duplicate`: says what an earlier line or rule says
 * - `redundant`: an allow (a deny, a rule) that another allow (deny, rule) implies
 * - `denied`: an allow that a deny of the same list takes away as a whole
 * - `impossible`: a pattern or an argument glob that nothing can match
 * - `unknown_server`: a pattern for a server that is not among the known ones
 * - `unmatched`: a pattern that matches no known action, though actions of its kind are known
 * - `cost_shadowed`: an earlier rule always states the cost
 * - `implies_cycle`, `scope_grants_nothing`: a scope implies itself; an `mcp:` scope that is no grant
 */
export type LintProblem =
  | 'no_effect'
  | 'duplicate'
  | 'redundant'
  | 'denied'
  | 'impossible'
  | 'unknown_server'
  | 'unmatched'
  | 'cost_shadowed'
  | 'implies_cycle'
  | 'scope_grants_nothing'

/** The line that decided for one principal. */
export interface ExplainedGrant {
  /** `grants[2]` of the principal itself, `delegatedBy.grants[0]` of its issuer, `delegatedBy.delegatedBy.grants[0]` of that one's. */
  readonly place: string
  readonly text: string
  /** `id` of the principal that holds the line. */
  readonly principal: string
}

/** A decision and what led to it. */
export interface Explanation {
  /** What `decide` answers. */
  readonly decision: Decision
  /** One sentence each, in order, for people. */
  readonly steps: string[]
  /** The deciding line of each principal that was asked, the principal itself first; none for one without a line that matches. */
  readonly grants: readonly ExplainedGrant[]
  /** Places of all rules that match the action: `policy.rules[3]`. */
  readonly rules: readonly string[]
}

/** Grants and rules together: the one function that lists and calls are decided by. */
export interface Policy {
  /**
   * Decides an action; a refusal is a value. A delegated principal may do what it and each of its issuers may: it is asked first, and the first
   * refusal is the decision. Throws `ERR_AUTHZ_GRANT` when the grants of a principal that is asked are malformed.
   */
  decide(principal: Principal, action: Action): Decision
  /** True if some expansion of the RFC 6570 template could be allowed to the principal, and to each of its issuers, on that server. */
  allowsTemplate(principal: Principal, server: string, uriTemplate: string): boolean
  /** The same decision with the steps that led to it and the places in the configuration that decided. */
  explain(principal: Principal, action: Action): Explanation
  /**
   * Doubts about the rules and scopes. `knownActions` (all that there are, of each kind that is listed) finds rules that match none of them,
   * `knownServers` (beside `local`) rules for a server that is not there.
   */
  lint(knownActions?: readonly Action[], knownServers?: readonly string[]): LintFinding[]
  /** The limits that rules declare, for the rate limiter. */
  readonly limits: readonly RuleLimit[]
}
