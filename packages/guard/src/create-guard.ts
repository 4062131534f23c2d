import type { Principal } from '@portcullis/authz'
import { randomBytes } from 'node:crypto'
import { type Authentication, createAuthentication, type Opened } from './authenticate.ts'
import { type Locate, locateResource } from './authorize.ts'
import { createCounting } from './count.ts'
import { isUnavailable } from './errors.ts'
import type { Exchange, Pass, Verdict } from './exchange.ts'
import { filterList, ownCopy } from './filter.ts'
import { protectAnswer } from './protect-answer.ts'
import { type JsonRpcRequest, type JsonRpcResponse, rpcCodes } from './json-rpc.ts'
import { createJudge, type Judged } from './judge.ts'
import { isStateless, methodIn, requestMethods } from './methods.ts'
import { assertOptions, type GuardOptions } from './options.ts'
import type { AuditEvent, AuthRequest, Finding } from './ports.ts'
import { createRefusalTally, type Who } from './refusal-tally.ts'
import { internal, refuse, type Refusal, toResponse, unavailable } from './refusals.ts'

/** The pipeline. Every transport asks it, in this order: `open`, `text`, `check` for each request, `settle` for each answer. */
export interface Guard {
  /** Stages 2 and 3: who is calling. */
  open(request: AuthRequest): Promise<Opened | Refusal>
  /** The caller of a stream that stays open, as it stands now; `undefined` when the credential no longer holds. */
  renew(request: AuthRequest): Promise<Principal | undefined>
  /** Stage 2: the refusal of an address that is on the block list. */
  blocked(address: string): Refusal | undefined
  /** Counts what a known caller sent that is no request, and answers with `refusal`, or that it has sent too much. */
  misused(principal: Principal, address: string | undefined, refusal: Refusal): Promise<Refusal>
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

  const count = createCounting({ limiter, groupOf, limitNames })
  const judge = createJudge({ policy, validator, locate, count: count.count })

  const decisionEvent = (exchange: Exchange, message: JsonRpcRequest, call: string): Record<string, unknown> => ({
    type: 'decision',
    call,
    principal: exchange.principal.id,
    transport: exchange.transport,
    method: message.method.slice(0, 256),
    ...(exchange.address === undefined ? {} : { address: exchange.address }),
    ...(exchange.session === undefined ? {} : { session: exchange.session }),
  })

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
    blocked(address) {
      const refused = authentication.blocked(address)
      if (refused !== undefined) tally.add(refused.reason ?? refused.code, { address })
      return refused
    },
    async misused(principal, address, refusal) {
      tally.add(refusal.reason ?? refusal.code, { principal: principal.id })
      try {
        const counted = await count.count({ principal, ...(address === undefined ? {} : { address }) }, 1, [])
        return counted !== undefined && 'ok' in counted ? counted : refusal
      } catch (error) {
        log('error', 'limiter.fault', { error })
        return refusal
      }
    },
    overLimit: count.overLimit,
    text: (raw) => validator?.checkText(raw) ?? [],
    async check(exchange, message) {
      const startedAtMs = performance.now()
      const call = `${boot}.${(++calls).toString(36)}`
      const event = decisionEvent(exchange, message, call)
      let verdict: Judged | Refusal
      const method = methodIn(requestMethods, message.method, exchange.revision)
      try {
        verdict = await judge(exchange, message, method, event)
      } catch (error) {
        log('error', 'check.fault', { error })
        verdict = isUnavailable(error) ? unavailable('store', error.retryAfterMs) : internal('check')
      }
      // Pings carry nothing to decide on and would fill the log.
      if (!verdict.ok && verdict.repeated === true) {
        tally.add(verdict.reason ?? verdict.code, { principal: exchange.principal.id })
      } else if (audit !== undefined && message.method !== 'ping') {
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
      if (isStateless(exchange.revision)) answer = ownCopy(pass.method, answer)
      const { findings, withheld, response: fit } = protectAnswer(validator, pass, answer)
      answer = fit
      if (withheld) {
        answer = toResponse(
          refuse(200, 'PORTCULLIS_TOO_LARGE', 'The answer was withheld: it is outside the limits for results.', {
            rpcCode: rpcCodes.internalError,
            asToolResult: pass.message.method === 'tools/call',
          }),
          response.id,
          exchange.revision,
        )
      }
      if (audit !== undefined && pass.message.method !== 'ping') {
        void record({
          type: 'outcome',
          call: pass.call,
          ok: answer.error === undefined && (answer.result as { isError?: unknown } | undefined)?.isError !== true,
          ...(answer.error === undefined ? {} : { code: answer.error.code }),
          ...(findings.length === 0
            ? {}
            : { findings: findings.map(({ ruleId, pointer, enforced }) => ({ ruleId, pointer, enforced })) }),
          durationMs: Math.round((performance.now() - pass.startedAtMs) * 1000) / 1000,
        }).catch(auditFault)
      }
      return answer
    },
    mayReceive(principal, uri) {
      const located = locateResource(locate, uri)
      if (located === undefined) return false
      return policy.decide(principal, { kind: 'resource', server: located.server, name: located.name }).allowed
    },
    note(event) {
      void record(event).catch(auditFault)
    },
    tally: tally.add,
    declaration: { required: authentication.required, types: authentication.types },
    close: tally.flush,
  }
}
