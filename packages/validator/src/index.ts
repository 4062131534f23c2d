export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
export { createAddressGuard, type MemoryGuardOptions } from './addresses/guard.ts'
export { type AddressEntry, type AddressList, type AddressListOptions, createAddressList } from './addresses/list.ts'
export type {
  AddressDecision,
  AddressGuard,
  AddressGuardOptions,
  BanOptions,
  GuardedEntry,
  StrikeOutcome,
} from './addresses/types.ts'
export type { RuleId } from './findings/rules.ts'
export { type LocatedFinding, toSarif } from './findings/sarif.ts'
export { scoreOf } from './findings/score.ts'
export type {
  ArgumentKind,
  CallToCheck,
  Confidence,
  Finding,
  Mode,
  Modes,
  Preset,
  ProtectedResult,
  ResultOptions,
  ResultToCheck,
  RuleExplanation,
  RuleGroup,
  SchemaPort,
  Severity,
  Suppression,
  ToolArguments,
  UserRule,
  Validator,
  ValidatorOptions,
  ValueKind,
} from './types.ts'
export { createValidator } from './validator.ts'
