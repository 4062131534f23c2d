import type { Principal } from '@portcullis/authz'
import { randomBytes } from 'node:crypto'
import { addressKey, type Authentication, createAuthentication, type Opened } from './authenticate.ts'
import { askOf, decideAsk, type Locate, refusalOf } from './authorize.ts'
import { createDenyCache } from './deny-cache.ts'
import { GuardError, isUnavailable } from './errors.ts'
import type { Exchange, Pass, Verdict } from './exchange.ts'
import { filterList } from './filter.ts'
import type { JsonRpcRequest, JsonRpcResponse } from './json-rpc.ts'
import type { GuardLog } from './log.ts'
import { type Method, methodIn, requestMethods } from './methods.ts'
import {
  internal,
  invalidArguments,
  methodNotFound,
  rateLimited,
  refuse,
  type Refusal,
  toResponse,
  unavailable,
} from './refusals.ts'
import { createRefusalTally, type Who } from './refusal-tally.ts'
import type {
  AddressList,
  AuditEvent,
  AuditSink,
  AuthenticationOptions,
  Authorizer,
  AuthRequest,
  Finding,
  Limiter,
  RequestValidator,
} from './ports.ts'

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

/** The pipeline. Every transport asks it, in this order: `open`, `text`, `check` for each request, `settle` for each answer. */
export interface Guard {
  /** Stages 2 and 3: who is calling. */
  open(request: AuthRequest): Promise<Opened | Refusal>
  /** The caller of a stream that stays open, as it stands now; `undefined` when the credential no longer holds. */
  renew(request: AuthRequest): Promise<Principal | undefined>
  /** Stage 4: the refusal of a principal already known to be over its limit, without counting anything. */
  overLimit(principal: Principal, address?: string): Refusal | undefined
  /** Stage 5: findings in the raw text of a body, before it is parsed. */
  text(raw: string): readonly Finding[]
  /** Stage 6: may this request run? On disk in the audit log before the answer is yes. */
  check(exchange: Exchange, message: JsonRpcRequest): Promise<Verdict>
  /** Stage 8: the answer as the caller may see it. */
  settle(exchange: Exchange, pass: Pass, response: JsonRpcResponse): JsonRpcResponse
  /** Whether a resource update may be delivered to this principal now. */
  mayReceive(principal: Principal, uri: string): boolean
  /** Writes something a transport saw (a foreign id, a session ended) to the audit log. */
  note(event: AuditEvent): void
  /** Adds a refusal that costs its sender nothing (before authentication, a foreign id) to the aggregated ones. */
  tally(reason: string, who: Who): void
  /** What a server declares as `experimental.authentication`. */
  readonly declaration: { readonly required: boolean; readonly types: readonly string[] }
  /** Writes what is still to be written. */
  close(): Promise<void>
}

const known = new Set([
  'authenticate',
  'policy',
  'limiter',
  'limitNames',
  'anonymousLimit',
  'addressGroup',
  'validator',
  'audit',
  'onAuditFailure',
  'addresses',
  'refusals',
  'locate',
  'log',
  'clock',
])

const assertOptions = (options: GuardOptions): void => {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new GuardError('ERR_GUARD_OPTIONS', `unknown option ${JSON.stringify(name)}`)
  }
  if (typeof options.policy?.decide !== 'function') throw new GuardError('ERR_GUARD_OPTIONS', '`policy` is required')
  if (typeof options.authenticate !== 'object' || options.authenticate === null) {
    throw new GuardError(
      'ERR_GUARD_OPTIONS',
      '`authenticate` is required: without a way to recognise callers nobody could call',
    )
  }
}

/**
 * Puts authentication, authorization, validation, limits and audit together into the one way to a handler.
 *
 * @throws {GuardError} `ERR_GUARD_OPTIONS`
 */
export const createGuard = (options: GuardOptions): Guard => {
  assertOptions(options)
  const { policy, limiter, validator, audit } = options
  const clock = options.clock ?? Date.now
  const log = options.log ?? (() => {})
  const locate: Locate = options.locate ?? ((_, name) => ({ server: 'local', name }))
  const groupOf = options.addressGroup ?? ((address) => address)
  const anonymousLimits = [options.anonymousLimit ?? 'anonymous']
  const limitNames =
    options.limitNames ?? ((principal) => (principal.method === 'anonymous' ? anonymousLimits : [principal.method]))
  const onAuditFailure = options.onAuditFailure ?? 'block'
  const denied = createDenyCache()
  const boot = randomBytes(6).toString('base64url')
  let calls = 0

  const authentication: Authentication = createAuthentication(options.authenticate, {
    limiter,
    anonymousLimits,
    addresses: options.addresses,
    groupOf,
    log,
    clock,
  })

  const record = async (event: AuditEvent): Promise<void> => {
    if (audit !== undefined) await audit.record(event)
  }
  const auditFault = (error: unknown): void => log('error', 'audit.fault', { error })
  const tally = createRefusalTally(record, auditFault)

  /** Anonymous callers have no identity to count: they are counted by address. */
  const limitKey = (principal: Principal, address: string | undefined): string =>
    principal.method === 'anonymous' ? addressKey(address, groupOf) : principal.id

  const limit = async (
    exchange: Exchange,
    cost: number,
    extra: readonly string[],
  ): Promise<Refusal | Pass['limit']> => {
    if (limiter === undefined) return undefined
    const key = limitKey(exchange.principal, exchange.address)
    const names = limitNames(exchange.principal)
    const known = denied.get(key, cost)
    if (known !== undefined) return rateLimited(known)
    const result = await limiter.check(key, { cost, limits: extra.length === 0 ? names : [...names, ...extra] })
    if (result.allowed) return result
    // Only the principal's own limit refuses whatever it asks next; a rule's limit concerns some tools.
    if (names.includes(result.policy)) denied.set(key, cost, result)
    return rateLimited(result)
  }

  const decisionEvent = (exchange: Exchange, message: JsonRpcRequest, call: string): Record<string, unknown> => ({
    type: 'decision',
    call,
    principal: exchange.principal.id,
    transport: exchange.transport,
    method: message.method,
    ...(exchange.address === undefined ? {} : { address: exchange.address }),
    ...(exchange.session === undefined ? {} : { session: exchange.session }),
  })

  const judge = async (
    exchange: Exchange,
    message: JsonRpcRequest,
    method: Method | undefined,
    event: Record<string, unknown>,
  ): Promise<Omit<Pass, 'call' | 'startedAtMs'> | Refusal> => {
    if (method === undefined) return methodNotFound()
    const { principal } = exchange
    const ask = askOf(message, method, locate)
    if (!ask.ok) return ask
    if (ask.action !== undefined) {
      event['kind'] = ask.action.kind
      event['server'] = ask.action.server
      event['name'] = ask.action.name
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

    const counted = method.counted ? await limit(exchange, decision?.cost ?? 1, decision?.limits ?? []) : undefined
    if (counted !== undefined && 'ok' in counted) return counted
    return {
      ok: true,
      message: ask.message,
      method,
      ...(ask.action === undefined ? {} : { action: ask.action }),
      ...(counted === undefined ? {} : { limit: counted }),
    }
  }

  /** Refusals of `tools/call` in the form that this guard was asked for. */
  const shaped = (refused: Refusal, message: JsonRpcRequest): Refusal =>
    options.refusals === 'result' &&
    message.method === 'tools/call' &&
    (refused.status === 403 || refused.status === 429)
      ? { ...refused, status: 200, asToolResult: true }
      : refused

  return {
    async open(request) {
      const opened = await authentication.open(request)
      if (!opened.ok)
        tally.add(opened.reason ?? opened.code, request.address === undefined ? {} : { address: request.address })
      return opened
    },
    renew: authentication.renew,
    overLimit(principal, address) {
      const known = denied.get(limitKey(principal, address), 1)
      return known === undefined ? undefined : rateLimited(known)
    },
    text: (raw) => validator?.checkText(raw) ?? [],
    async check(exchange, message) {
      const startedAtMs = performance.now()
      const call = `${boot}.${(++calls).toString(36)}`
      const event = decisionEvent(exchange, message, call)
      let verdict: Omit<Pass, 'call' | 'startedAtMs'> | Refusal
      const method = methodIn(requestMethods, message.method, exchange.revision)
      try {
        verdict = await judge(exchange, message, method, event)
      } catch (error) {
        log('error', 'check.fault', { error })
        verdict = isUnavailable(error) ? unavailable('store', error.retryAfterMs) : internal('check')
      }
      // Pings carry nothing to decide on and would fill the log.
      if (audit !== undefined && message.method !== 'ping') {
        event['allowed'] = verdict.ok
        if (!verdict.ok) event['reason'] = verdict.reason ?? verdict.code
        try {
          await record(event as unknown as AuditEvent)
        } catch (error) {
          auditFault(error)
          if (verdict.ok && onAuditFailure === 'block') verdict = unavailable('audit')
        }
      }
      log('debug', 'decision', {
        method: message.method,
        allowed: verdict.ok,
        ...(verdict.ok ? {} : { reason: verdict.reason }),
      })
      return verdict.ok ? { ...verdict, call, startedAtMs } : shaped(verdict, message)
    },
    settle(exchange, pass, response) {
      let answer = response
      if (pass.method.items !== undefined && response.result !== undefined) {
        const result = filterList(policy, exchange.principal, pass.method, response.result, locate)
        if (result !== response.result) answer = { ...response, result }
      }
      const findings =
        response.result === undefined
          ? undefined
          : validator?.checkResult?.({
              server: pass.action?.server ?? 'local',
              ...(pass.action === undefined ? {} : { tool: pass.action.name }),
              result: answer.result,
            })
      const enforced = findings?.filter((finding) => finding.enforced) ?? []
      if (enforced.length > 0) {
        answer = toResponse(
          refuse(200, 'PORTCULLIS_TOO_LARGE', 'The answer was withheld: it is outside the limits for results.', {
            asToolResult: pass.message.method === 'tools/call',
          }),
          response.id,
        )
      }
      if (audit !== undefined && pass.message.method !== 'ping') {
        void record({
          type: 'outcome',
          call: pass.call,
          ok: answer.error === undefined && (answer.result as { isError?: unknown } | undefined)?.isError !== true,
          ...(answer.error === undefined ? {} : { code: answer.error.code }),
          ...(findings === undefined || findings.length === 0
            ? {}
            : { findings: findings.map(({ ruleId, pointer, enforced }) => ({ ruleId, pointer, enforced })) }),
          durationMs: Math.round((performance.now() - pass.startedAtMs) * 1000) / 1000,
        }).catch(auditFault)
      }
      return answer
    },
    mayReceive: (principal, uri) => policy.decide(principal, { kind: 'resource', ...locate('resource', uri) }).allowed,
    note(event) {
      void record(event).catch(auditFault)
    },
    tally: tally.add,
    declaration: { required: authentication.required, types: authentication.types },
    close: tally.flush,
  }
}
