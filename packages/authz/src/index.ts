export { AuthzError, type AuthzErrorCode } from './errors.ts'
export { compileGrants, defaultGrants } from './grants.ts'
export { createPolicy } from './policy.ts'
export { grantsFromScopes, scopesMayConnect } from './scopes.ts'
export type {
  Action,
  ActionKind,
  CompiledGrants,
  Decision,
  DecisionReason,
  GrantDecision,
  LintFinding,
  Policy,
  PolicyOptions,
  PolicyRule,
  Principal,
  RuleLimit,
} from './types.ts'
export { canonicalResourceUri } from './uri.ts'
