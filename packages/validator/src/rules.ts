/**
 * Rules of the user in RE2 syntax, on `re2js` (an optional peer of the package), and a linter for them.
 * @module
 */
export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
export { compileUserRules } from './rules/compile.ts'
export { lintUserRules, type RuleProblem } from './rules/lint.ts'
export type { UserRuleDefinition } from './rules/types.ts'
