import { isStateless, type Revision } from './methods.ts'
import { rpcCodes, type JsonRpcResponse, type RequestId } from './json-rpc.ts'
import type { Finding, LimitResult } from './ports.ts'

/** The stable strings a caller may switch on: `error.data.code`. */
export type RefusalCode =
  | 'PORTCULLIS_UNAUTHENTICATED'
  | 'PORTCULLIS_FORBIDDEN'
  | 'PORTCULLIS_ADDRESS_BLOCKED'
  | 'PORTCULLIS_HOST_FORBIDDEN'
  | 'PORTCULLIS_ORIGIN_FORBIDDEN'
  | 'PORTCULLIS_BAD_REQUEST'
  | 'PORTCULLIS_RATE_LIMITED'
  | 'PORTCULLIS_TOO_LARGE'
  | 'PORTCULLIS_UNSUPPORTED_MEDIA_TYPE'
  | 'PORTCULLIS_NOT_ACCEPTABLE'
  | 'PORTCULLIS_NOT_FOUND'
  | 'PORTCULLIS_METHOD_NOT_ALLOWED'
  | 'PORTCULLIS_SESSION_NOT_FOUND'
  | 'PORTCULLIS_INVALID_ARGUMENTS'
  | 'PORTCULLIS_OVERLOADED'
  | 'PORTCULLIS_UNAVAILABLE'
  | 'PORTCULLIS_INTERNAL'

/** Which `WWW-Authenticate` challenge belongs to a refusal (RFC 6750 section 3). */
export type Challenge =
  | { readonly error?: 'invalid_token' }
  /** RFC 9449 section 7.1: the credential was shown with a proof. */
  | { readonly scheme: 'dpop'; readonly error: 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce' }
  | { readonly error: 'insufficient_scope'; readonly scopes: readonly string[] }

/** Why a message does not run, in a form each transport can say in its own way. */
export interface Refusal {
  readonly ok: false
  /** HTTP status; on transports without HTTP it is the JSON-RPC error code. */
  readonly status: number
  /** The protocol's own error code where it has one; otherwise the status is the code. */
  readonly rpcCode?: number
  readonly code: RefusalCode
  readonly message: string
  readonly challenge?: Challenge
  readonly retryAfterMs?: number
  readonly limit?: LimitResult
  readonly findings?: readonly Finding[]
  readonly data?: Readonly<Record<string, unknown>>
  /** Answer with HTTP 200 and a tool result with `isError` (SEP-1303). */
  readonly asToolResult?: boolean
  /** For the audit log alone. */
  readonly reason?: string
  /** The caller was told the same before and went on: such refusals are added up in the audit log, not written one by one. */
  readonly repeated?: boolean
}

const refusal = (fields: Omit<Refusal, 'ok'>): Refusal => ({ ok: false, ...fields })

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000))

export const unauthenticated = (): Refusal =>
  refusal({
    status: 401,
    code: 'PORTCULLIS_UNAUTHENTICATED',
    message: 'Authentication required: send an API key or an access token.',
    challenge: {},
    reason: 'no_credential',
  })

/** What a client has to know to send a better proof. */
const proofErrors: Readonly<Record<string, 'invalid_dpop_proof' | 'use_dpop_nonce'>> = {
  proof: 'invalid_dpop_proof',
  proof_replayed: 'invalid_dpop_proof',
  proof_nonce: 'use_dpop_nonce',
}

/** One text for every reason: what exactly was wrong with a credential is for the audit log, not for whoever guesses. */
export const invalidCredential = (reason: string, scheme?: 'dpop'): Refusal =>
  refusal({
    status: 401,
    code: 'PORTCULLIS_UNAUTHENTICATED',
    message: 'The credential was not accepted.',
    challenge:
      scheme === undefined ? { error: 'invalid_token' } : { scheme, error: proofErrors[reason] ?? 'invalid_token' },
    reason,
  })

export const forbidden = (reason: string, missingScopes?: readonly string[]): Refusal =>
  refusal({
    status: 403,
    code: 'PORTCULLIS_FORBIDDEN',
    message:
      missingScopes === undefined
        ? 'Not allowed: this credential has no right to do that.'
        : `Not allowed: the access token lacks ${missingScopes.join(' ')}.`,
    ...(missingScopes === undefined ? {} : { challenge: { error: 'insufficient_scope', scopes: missingScopes } }),
    reason,
  })

export const rateLimited = (limit: LimitResult): Refusal =>
  refusal({
    status: 429,
    code: 'PORTCULLIS_RATE_LIMITED',
    message: `Rate limit exceeded. Try again in ${seconds(limit.retryAfterMs)} s.`,
    retryAfterMs: limit.retryAfterMs,
    limit,
    data: { retryAfterMs: Math.ceil(limit.retryAfterMs), limit: limit.limit, policy: limit.policy },
    reason: `limit:${limit.policy}`,
  })

export const unavailable = (reason: string, retryAfterMs = 1000): Refusal =>
  refusal({
    status: 503,
    code: 'PORTCULLIS_UNAVAILABLE',
    message: `Temporarily unavailable. Try again in ${seconds(retryAfterMs)} s.`,
    retryAfterMs,
    data: { retryAfterMs: Math.ceil(retryAfterMs) },
    reason,
  })

export const internal = (reason: string): Refusal =>
  refusal({ status: 500, code: 'PORTCULLIS_INTERNAL', message: 'Internal error.', reason })

export const methodNotFound = (): Refusal =>
  refusal({
    status: 404,
    rpcCode: rpcCodes.methodNotFound,
    code: 'PORTCULLIS_NOT_FOUND',
    message: 'Method not found',
    reason: 'method',
  })

/** Enforced findings: a tool result for `tools/call`, -32602 elsewhere; rule ids and pointers, nothing of the rules. */
export const invalidArguments = (findings: readonly Finding[], asToolResult: boolean): Refusal =>
  refusal({
    status: 200,
    rpcCode: rpcCodes.invalidParams,
    code: 'PORTCULLIS_INVALID_ARGUMENTS',
    message: `Refused by validation: ${findings.map(({ ruleId, pointer }) => `${ruleId} at ${pointer === '' ? '/' : pointer}`).join(', ')}.`,
    findings,
    asToolResult,
    data: { findings: findings.map(({ ruleId, pointer }) => ({ ruleId, pointer })) },
    reason: 'findings',
  })

export const invalidParams = (message: string): Refusal =>
  refusal({
    status: 200,
    rpcCode: rpcCodes.invalidParams,
    code: 'PORTCULLIS_BAD_REQUEST',
    message,
    reason: 'params',
  })

/** A refusal that only the transports decide on: the status, a stable code and one sentence. */
export const refuse = (
  status: number,
  code: RefusalCode,
  message: string,
  extra: Partial<Omit<Refusal, 'ok' | 'status' | 'code' | 'message'>> = {},
): Refusal => refusal({ status, code, message, ...extra })

/** The refusal as the JSON-RPC response it is on every transport. `revision` is what its reader speaks. */
export const toResponse = (refused: Refusal, id: RequestId | null, revision?: Revision): JsonRpcResponse => {
  const { status, rpcCode, code, message, data, asToolResult } = refused
  if (asToolResult === true && id !== null) {
    return {
      jsonrpc: '2.0',
      id,
      result: {
        ...(revision !== undefined && isStateless(revision) ? { resultType: 'complete' } : {}),
        content: [{ type: 'text', text: message }],
        isError: true,
        _meta: { 'portcullis/code': code, ...data },
      },
    }
  }
  return { jsonrpc: '2.0', id, error: { code: rpcCode ?? status, message, data: { code, ...data } } }
}
