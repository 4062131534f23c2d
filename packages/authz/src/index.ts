export { AuthzError, type AuthzErrorCode } from './errors.ts'
export { compileGrants, defaultGrants } from './grants.ts'
export { uncoveredGrants } from './inclusion.ts'
export { lintGrants } from './lint-grants.ts'
export { createPolicy } from './policy.ts'
export { grantsFromScopes, scopesMayConnect } from './scopes.ts'
export type {
  Action,
  ActionKind,
  CompiledGrants,
  Decision,
  DecisionReason,
  ExplainedGrant,
  Explanation,
  GrantDecision,
  LintFinding,
  LintProblem,
  Policy,
  PolicyOptions,
  PolicyRule,
  Principal,
  PrincipalLimit,
  RuleLimit,
} from './types.ts'
export { canonicalResourceUri } from './uri.ts'
