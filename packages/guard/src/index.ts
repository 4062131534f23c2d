export { countedAs } from './counted-as.ts'
export { createGuard, type Guard } from './create-guard.ts'
export type { GuardOptions } from './options.ts'
export type { Opened } from './authenticate.ts'
export type { Locate } from './authorize.ts'
export type { Exchange, Pass, Verdict } from './exchange.ts'
export { GuardError, type GuardErrorCode } from './errors.ts'
export { type InBand, takeInBandCredential } from './in-band.ts'
export {
  idOf,
  isRecord,
  isRequestId,
  type JsonRpcError,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
  rpcCodes,
  type Shape,
  shapeOf,
} from './json-rpc.ts'
export type { GuardLog, LogLevel } from './log.ts'
export {
  type Decided,
  isStateless,
  type Method,
  methodIn,
  notificationMethods,
  requestMethods,
  type Revision,
} from './methods.ts'
export { type Challenge, refuse, type Refusal, type RefusalCode, toResponse, unavailable } from './refusals.ts'
export type { Who } from './refusal-tally.ts'
export type {
  AddressList,
  AuditEvent,
  AuditSink,
  AuthContext,
  AuthenticationOptions,
  Authorizer,
  AuthRequest,
  Credential,
  CredentialVerifier,
  CustomAuthenticator,
  Finding,
  Limiter,
  LimitResult,
  RequestValidator,
  VerifyResult,
} from './ports.ts'
