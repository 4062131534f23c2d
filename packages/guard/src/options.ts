import type { Principal } from '@portcullis/authz'
import type { Locate } from './authorize.ts'
import { GuardError } from './errors.ts'
import type { GuardLog } from './log.ts'
import type { AddressList, AuditSink, AuthenticationOptions, Authorizer, Limiter, RequestValidator } from './ports.ts'

export interface GuardOptions {
  /** Who may be recognised, and how. */
  readonly authenticate: AuthenticationOptions
  /** Who may do what: `createPolicy()` of `@portcullis/authz`. */
  readonly policy: Authorizer
  /** Counts requests; without it nothing is limited. */
  readonly limiter?: Limiter
  /** The names of the limits that a principal is counted against. Default: the one named like its `method`. */
  readonly limitNames?: (principal: Principal) => readonly string[]
  /** The name of the limit for callers who are not recognised, counted by address. Default `anonymous`. */
  readonly anonymousLimit?: string
  /** Groups addresses that are one caller: IPv6 by its /64. Default: each address by itself. */
  readonly addressGroup?: (address: string) => string
  /** Looks at raw text, arguments and results. */
  readonly validator?: RequestValidator
  /** Takes every decision and outcome. */
  readonly audit?: AuditSink
  /** `block` (default): what cannot be audited does not run. `continue`: it runs and the failure is logged. */
  readonly onAuditFailure?: 'block' | 'continue'
  /** Addresses refused before anything else. */
  readonly addresses?: AddressList
  /** `result`: limits and refusals of `tools/call` are tool results, for clients that hide HTTP errors. Default `http`. */
  readonly refusals?: 'http' | 'result'
  /** Where names live; a gateway's mapping. Default: everything is `local`. */
  readonly locate?: Locate
  readonly log?: GuardLog
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
}

const refuse = (message: string): never => {
  throw new GuardError('ERR_GUARD_OPTIONS', message)
}

type Check = (value: unknown) => boolean

const isFunction: Check = (value) => typeof value === 'function'
const has =
  (...names: string[]): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => isFunction((value as Record<string, unknown>)[name]))
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value)
const isStrings: Check = (value) => Array.isArray(value) && value.every((item) => typeof item === 'string')

/** Every option and what it must be. A misspelt word of a safety switch must not quietly mean the unsafe thing. */
const options: Readonly<Record<keyof GuardOptions, Check>> = {
  authenticate: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  policy: has('decide', 'allowsTemplate'),
  limiter: has('check'),
  limitNames: isFunction,
  anonymousLimit: (value) => typeof value === 'string',
  addressGroup: isFunction,
  validator: has('checkText', 'checkCall'),
  audit: has('record'),
  onAuditFailure: oneOf('block', 'continue'),
  addresses: has('has'),
  refusals: oneOf('http', 'result'),
  locate: isFunction,
  log: isFunction,
  clock: isFunction,
}

const authentication: Readonly<Record<keyof AuthenticationOptions, Check>> = {
  apiKeys: has('verify'),
  oauth2: has('verify'),
  custom: isFunction,
  anonymous: isStrings,
  dangerouslyAllowEveryone: oneOf(true, false),
}

const assertFields = (given: object, checks: Readonly<Record<string, Check>>, place: string): void => {
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) refuse(`unknown option ${JSON.stringify(place + name)}`)
    else if (value !== undefined && !check(value)) refuse(`the option ${place}${name} is not what it must be`)
  }
}

/** @throws {GuardError} `ERR_GUARD_OPTIONS` */
export const assertOptions = (given: GuardOptions): void => {
  assertFields(given, options, '')
  if (given.policy === undefined) refuse('`policy` is required')
  if (given.authenticate === undefined) {
    refuse('`authenticate` is required: without a way to recognise callers nobody could call')
  }
  assertFields(given.authenticate, authentication, 'authenticate.')
}
