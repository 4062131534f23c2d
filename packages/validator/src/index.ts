export { type AddressEntry, type AddressList, type AddressListOptions, createAddressList } from './address-list.ts'
export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
export type { RuleId } from './findings/rules.ts'
export type {
  ArgumentKind,
  CallToCheck,
  Confidence,
  Finding,
  Preset,
  ResultToCheck,
  Severity,
  ToolArguments,
  Validator,
  ValidatorOptions,
  ValueKind,
} from './types.ts'
export { createValidator } from './validator.ts'
