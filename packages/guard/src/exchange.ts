import type { Action, Principal } from '@portcullis/authz'
import type { JsonRpcRequest } from './json-rpc.ts'
import type { Method, Revision } from './methods.ts'
import type { LimitResult } from './ports.ts'
import type { Refusal } from './refusals.ts'

/** The caller and the connection a message belongs to. */
export interface Exchange {
  readonly principal: Principal
  readonly transport: 'http' | 'stdio'
  readonly revision: Revision
  readonly address?: string
  /** A short digest of the session id, for the audit log. */
  readonly session?: string
}

/** A message that may run. */
export interface Pass {
  readonly ok: true
  readonly message: JsonRpcRequest
  readonly method: Method
  readonly action?: Action
  /** For `subscriptions/listen`: each resource that is listened to. */
  readonly actions?: readonly Action[]
  /** For completions on a resource template. */
  readonly template?: { readonly server: string; readonly uriTemplate: string }
  readonly limit?: LimitResult
  /** Ties the decision to its outcome in the audit log. */
  readonly call: string
  readonly startedAtMs: number
}

export type Verdict = Pass | Refusal
