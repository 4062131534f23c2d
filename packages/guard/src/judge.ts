import { type Ask, askOf, decideAsk, type Locate, refusalOf } from './authorize.ts'
import type { Counting } from './count.ts'
import type { Exchange, Pass } from './exchange.ts'
import type { JsonRpcRequest } from './json-rpc.ts'
import type { Method } from './methods.ts'
import type { Authorizer, RequestValidator } from './ports.ts'
import { invalidArguments, methodNotFound, type Refusal } from './refusals.ts'

/** A request that may run, before it is audited. */
export type Judged = Omit<Pass, 'call' | 'startedAtMs'>

const maxNameLength = 256
const maxNamesAudited = 20

/** Names come from outside: the audit log holds enough of one to recognise it. */
const shortened = (name: string): string =>
  name.length <= maxNameLength ? name : `${name.slice(0, maxNameLength)}… (${name.length} characters)`

/** A request that nothing but a limit can refuse any more, and what it costs. */
interface Weighed {
  readonly ok: true
  readonly ask: Ask
  readonly cost: number
  readonly limits: readonly string[]
}

/**
 * May this request run? Authorize, validate, argument rules, limits: in this order, and the first that refuses ends it. A request
 * that is refused counts too, or refusals could be had without end. What is learnt on the way is added to `event`, the line of
 * the audit log.
 */
export type Judge = (
  exchange: Exchange,
  message: JsonRpcRequest,
  method: Method | undefined,
  event: Record<string, unknown>,
) => Promise<Judged | Refusal>

export const createJudge = (ports: {
  readonly policy: Authorizer
  readonly validator: RequestValidator | undefined
  readonly locate: Locate
  readonly count: Counting['count']
}): Judge => {
  const { policy, validator, locate, count } = ports

  const weigh = async (
    exchange: Exchange,
    message: JsonRpcRequest,
    method: Method,
    event: Record<string, unknown>,
  ): Promise<Weighed | Refusal> => {
    const { principal } = exchange
    const ask = askOf(message, method, locate)
    if (!ask.ok) return ask
    if (ask.action !== undefined) {
      event['kind'] = ask.action.kind
      event['server'] = ask.action.server
      event['name'] = shortened(ask.action.name)
    }
    if (ask.actions !== undefined && ask.actions.length > 0) {
      event['kind'] = 'resource'
      event['names'] = ask.actions.slice(0, maxNamesAudited).map(({ server, name }) => shortened(`${server}/${name}`))
      if (ask.actions.length > maxNamesAudited) event['namesInAll'] = ask.actions.length
    }
    const decision = decideAsk(policy, principal, ask)
    if (decision?.grant !== undefined) event['grant'] = decision.grant
    if (decision?.rule !== undefined) event['rule'] = decision.rule
    if (decision?.monitored !== undefined && decision.monitored.length > 0) event['monitored'] = decision.monitored
    if (decision?.allowed === false) return refusalOf(decision)

    if (ask.arguments !== undefined && validator !== undefined) {
      const findings = await validator.checkCall({
        server: ask.action?.server ?? ask.template?.server ?? 'local',
        tool: ask.action?.name ?? message.method,
        arguments: ask.arguments,
      })
      if (findings.length > 0) {
        event['findings'] = findings.map(({ ruleId, pointer, enforced }) => ({ ruleId, pointer, enforced }))
        const enforced = findings.filter((finding) => finding.enforced)
        if (enforced.length > 0) return invalidArguments(enforced, message.method === 'tools/call')
      }
    }
    if (decision?.argumentRules === true && ask.action !== undefined) {
      const second = policy.decide(principal, { ...ask.action, arguments: ask.arguments ?? {} })
      if (second.rule !== undefined) event['rule'] = second.rule
      if (second.monitored !== undefined && second.monitored.length > 0) event['monitored'] = second.monitored
      if (!second.allowed) return refusalOf(second)
    }

    return { ok: true, ask, cost: decision?.cost ?? 1, limits: decision?.limits ?? [] }
  }

  return async (exchange, message, method, event) => {
    const weighed = method === undefined ? methodNotFound() : await weigh(exchange, message, method, event)
    if (method?.counted === false) return weighed.ok ? { ok: true, message: weighed.ask.message, method } : weighed
    const counted = weighed.ok ? await count(exchange, weighed.cost, weighed.limits) : await count(exchange, 1, [])
    if (counted !== undefined && 'ok' in counted) return counted
    if (!weighed.ok || method === undefined) return weighed as Refusal
    const { ask } = weighed
    return {
      ok: true,
      message: ask.message,
      method,
      ...(ask.action === undefined ? {} : { action: ask.action }),
      ...(ask.actions === undefined ? {} : { actions: ask.actions }),
      ...(ask.template === undefined ? {} : { template: ask.template }),
      ...(counted === undefined ? {} : { limit: counted }),
    }
  }
}
