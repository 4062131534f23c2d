import { type Action, type ActionKind, canonicalResourceUri, type Decision, type Principal } from '@portcullis/authz'
import { isRecord, type JsonRpcRequest } from './json-rpc.ts'
import type { Method } from './methods.ts'
import { forbidden, invalidParams, type Refusal } from './refusals.ts'
import type { Authorizer } from './ports.ts'

/** Where a name that clients see lives: a gateway maps `server__tool` to the upstream and its own name of the tool. */
export type Locate = (kind: ActionKind, name: string) => { readonly server: string; readonly name: string }

/** What a message asks for, and the arguments that validation and argument rules look at. */
export interface Ask {
  readonly ok: true
  readonly action?: Action
  /** For completions on a resource template. */
  readonly template?: { readonly server: string; readonly uriTemplate: string }
  readonly arguments?: Readonly<Record<string, unknown>>
  /** The message with names and URIs in the one form that was decided on. */
  readonly message: JsonRpcRequest
}

const noArguments: Readonly<Record<string, unknown>> = Object.freeze({})

const named = (kind: ActionKind, message: JsonRpcRequest, locate: Locate): Ask | Refusal => {
  const { name, arguments: given } = message.params ?? noArguments
  if (typeof name !== 'string') return invalidParams('params.name must be a string.')
  if (given !== undefined && !isRecord(given)) return invalidParams('params.arguments must be an object.')
  return { ok: true, action: { kind, ...locate(kind, name) }, arguments: given ?? noArguments, message }
}

const resource = (message: JsonRpcRequest, locate: Locate): Ask | Refusal => {
  const { uri } = message.params ?? noArguments
  if (typeof uri !== 'string') return invalidParams('params.uri must be a string.')
  const canonical = canonicalResourceUri(uri)
  if (canonical === undefined) return forbidden('uri_not_canonical')
  return {
    ok: true,
    action: { kind: 'resource', ...locate('resource', canonical) },
    arguments: { uri: canonical },
    message: canonical === uri ? message : { ...message, params: { ...message.params, uri: canonical } },
  }
}

const completion = (message: JsonRpcRequest, locate: Locate): Ask | Refusal => {
  const { ref, argument } = message.params ?? noArguments
  if (!isRecord(ref) || !isRecord(argument)) return invalidParams('params.ref and params.argument must be objects.')
  if (ref['type'] === 'ref/prompt' && typeof ref['name'] === 'string') {
    return { ok: true, action: { kind: 'prompt', ...locate('prompt', ref['name']) }, arguments: { argument }, message }
  }
  if (ref['type'] === 'ref/resource' && typeof ref['uri'] === 'string') {
    const { server, name } = locate('resource', ref['uri'])
    return { ok: true, template: { server, uriTemplate: name }, arguments: { argument }, message }
  }
  return invalidParams('params.ref must name a prompt or a resource template.')
}

/** Turns a request into the action that is decided; methods that any authenticated principal may call have none. */
export const askOf = (message: JsonRpcRequest, method: Method, locate: Locate): Ask | Refusal => {
  switch (method.decided) {
    case 'tool':
      return named('tool', message, locate)
    case 'prompt':
      return named('prompt', message, locate)
    case 'resource':
      return resource(message, locate)
    case 'completion':
      return completion(message, locate)
    case 'logging':
      return { ok: true, action: { kind: 'server', server: 'local', name: 'logging' }, message }
    default:
      return { ok: true, message }
  }
}

export const refusalOf = (decision: Decision): Refusal =>
  forbidden(
    decision.rule === undefined ? decision.reason : `${decision.reason}:${decision.rule}`,
    decision.missingScopes,
  )

/** The decision of the listing question: without arguments. */
export const decideAsk = (policy: Authorizer, principal: Principal, ask: Ask): Decision | undefined => {
  if (ask.action !== undefined) return policy.decide(principal, ask.action)
  if (ask.template === undefined) return undefined
  const allowed = policy.allowsTemplate(principal, ask.template.server, ask.template.uriTemplate)
  return { allowed, reason: allowed ? 'granted' : 'no_grant', cost: 1, limits: [], argumentRules: false }
}
