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
  /** For `subscriptions/listen`: what has to be allowed, all of it. */
  readonly actions?: readonly Action[]
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

/**
 * Where a resource lives, and its canonical URI there: behind the name of an upstream stands a URI of its own, which has a canonical form
 * of its own. `uri` is that form in the words of clients; `undefined` where there is none.
 */
export const locateResource = (
  locate: Locate,
  given: string,
): { readonly server: string; readonly name: string; readonly uri: string } | undefined => {
  const outer = canonicalResourceUri(given)
  if (outer === undefined) return undefined
  const { server, name } = locate('resource', outer)
  if (name === outer) return { server, name, uri: outer }
  const inner = canonicalResourceUri(name)
  return inner === undefined
    ? undefined
    : { server, name: inner, uri: `${outer.slice(0, outer.length - name.length)}${inner}` }
}

const actionOf = ({ server, name }: { server: string; name: string }): Action => ({ kind: 'resource', server, name })

const resource = (message: JsonRpcRequest, locate: Locate): Ask | Refusal => {
  const { uri } = message.params ?? noArguments
  if (typeof uri !== 'string') return invalidParams('params.uri must be a string.')
  const located = locateResource(locate, uri)
  if (located === undefined) return forbidden('uri_not_canonical')
  return {
    ok: true,
    action: actionOf(located),
    arguments: { uri: located.uri },
    message: located.uri === uri ? message : { ...message, params: { ...message.params, uri: located.uri } },
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

const maxListened = 1000

/** The filter of `subscriptions/listen`: every resource in it by its canonical URI. */
const listen = (message: JsonRpcRequest, locate: Locate): Ask | Refusal => {
  const { notifications } = message.params ?? noArguments
  if (!isRecord(notifications)) return invalidParams('params.notifications must be an object.')
  const { resourceSubscriptions: uris = [] } = notifications
  if (!Array.isArray(uris) || uris.length > maxListened || !uris.every((uri) => typeof uri === 'string')) {
    return invalidParams(`params.notifications.resourceSubscriptions must be at most ${maxListened} URIs.`)
  }
  const located = uris.map((uri) => locateResource(locate, uri))
  if (!located.every((one) => one !== undefined)) return forbidden('uri_not_canonical')
  const resourceSubscriptions = located.map(({ uri }) => uri)
  return {
    ok: true,
    actions: located.map(actionOf),
    arguments: { uris: resourceSubscriptions },
    message:
      notifications['resourceSubscriptions'] === undefined
        ? message
        : { ...message, params: { ...message.params, notifications: { ...notifications, resourceSubscriptions } } },
  }
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
    case 'listen':
      return listen(message, locate)
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

/** All or nothing: the first refusal decides, with the scopes that all refusals lack; costs add up. */
const decideAll = (policy: Authorizer, principal: Principal, actions: readonly Action[]): Decision | undefined => {
  const decisions = actions.map((action) => policy.decide(principal, action))
  const refused = decisions.filter(({ allowed }) => !allowed)
  const [first] = refused
  if (first !== undefined) {
    const { missingScopes: _, ...rest } = first
    const lacking = refused.map(({ missingScopes }) => missingScopes)
    // More scopes help only where every refusal is one for lack of scopes.
    return lacking.includes(undefined) ? rest : { ...rest, missingScopes: [...new Set(lacking.flat() as string[])] }
  }
  if (decisions.length === 0) return undefined
  return {
    allowed: true,
    reason: 'granted',
    cost: decisions.reduce((sum, { cost }) => sum + cost, 0),
    limits: [...new Set(decisions.flatMap(({ limits }) => limits))],
    argumentRules: false,
    monitored: decisions.flatMap(({ monitored = [] }) => monitored),
  }
}

/** The decision of the listing question: without arguments. */
export const decideAsk = (policy: Authorizer, principal: Principal, ask: Ask): Decision | undefined => {
  if (ask.actions !== undefined) return decideAll(policy, principal, ask.actions)
  if (ask.action !== undefined) return policy.decide(principal, ask.action)
  if (ask.template === undefined) return undefined
  const allowed = policy.allowsTemplate(principal, ask.template.server, ask.template.uriTemplate)
  return { allowed, reason: allowed ? 'granted' : 'no_grant', cost: 1, limits: [], argumentRules: false }
}
