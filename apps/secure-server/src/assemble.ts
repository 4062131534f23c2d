import { addressGroup, createCidrSet } from '@portcullis-internal/net'
import { type AuditLog, createAuditLog } from '@portcullis/audit'
import { compileGrants, createPolicy } from '@portcullis/authz'
import { createGuard, type Guard, type GuardLog, type Locate } from '@portcullis/guard'
import { deriveKey } from '@portcullis/transport'
import { createAddressList, createValidator, type ResultOptions, type ValidatorOptions } from '@portcullis/validator'
import type { Settings } from './config/settings.ts'
import { configurationError, ExitError } from './exit.ts'
import type { KeyRing } from './keys/credentials.ts'
import { createLimits } from './limits.ts'
import type { OAuth2 } from './oauth2.ts'
import type { Metrics } from './operations/metrics.ts'

/** The parts of a running server that outlive a request. */
export interface Assembly {
  readonly guard: Guard
  /** Why requests cannot be served as things stand. */
  problems(): readonly string[]
  close(): Promise<void>
}

const openAudit = async (settings: Settings, masterKey: () => Promise<Uint8Array>): Promise<AuditLog | undefined> => {
  if (settings.audit === false) return undefined
  const { file } = settings.audit
  try {
    return await createAuditLog({ file, key: deriveKey(await masterKey(), 'audit') })
  } catch (error) {
    if (error instanceof ExitError) throw error
    const reason = (error as { code?: unknown }).code === 'ERR_AUDIT_LOCKED' ? 'conflict' : 'configuration'
    throw new ExitError(reason, `audit: ${(error as Error).message}`, { cause: error })
  }
}

/** Everything of the pipeline that the settings alone decide. Made first, so that a mistake in them is found before anything is written. */
const planned = (settings: Settings, masterKey: Uint8Array, log: GuardLog) => {
  const policy = createPolicy(settings.policy)
  compileGrants(settings.auth.anonymous)
  createCidrSet(settings.listen.trustedProxies)
  const { blockedAddresses, results, ...validation } = settings.validation
  const validator = createValidator({
    ...(validation as ValidatorOptions),
    // A marker of one replica is known to all of them.
    results: { ...(results as ResultOptions), markerKey: deriveKey(masterKey, 'redaction') },
  })
  const addresses = createAddressList(blockedAddresses)
  return { policy, limiter: createLimits(settings, policy, log), validator, addresses }
}

export type Plan = ReturnType<typeof planned>

/** @throws {ExitError} 78 */
export const plan = (settings: Settings, masterKey: Uint8Array, log: GuardLog): Plan => {
  try {
    return planned(settings, masterKey, log)
  } catch (error) {
    throw configurationError((error as Error).message, { cause: error })
  }
}

export interface AssemblyPorts {
  readonly keys: KeyRing | undefined
  readonly oauth2: OAuth2 | undefined
  readonly metrics: Metrics
  readonly masterKey: () => Promise<Uint8Array>
  readonly locate?: Locate
  readonly log: GuardLog
}

/** Wires the packages together: nothing of the pipeline is decided here. */
export const assemble = async (
  settings: Settings,
  { policy, limiter, validator, addresses }: Plan,
  { keys, oauth2, metrics, masterKey, locate, log }: AssemblyPorts,
): Promise<Assembly> => {
  const audit = await openAudit(settings, masterKey)
  let auditFails = false
  const sink = metrics.observed(audit)
  const guard = createGuard({
    authenticate: settings.auth.enabled
      ? {
          ...(keys === undefined ? {} : { apiKeys: keys }),
          ...(oauth2 === undefined ? {} : { oauth2: oauth2.verifier }),
          anonymous: settings.auth.anonymous,
        }
      : { dangerouslyAllowEveryone: true },
    policy,
    limiter,
    limitNames: limiter.namesFor,
    validator,
    addresses,
    addressGroup: (address) => addressGroup(address) ?? address,
    refusals: settings.rateLimit.refusals,
    log,
    ...(locate === undefined ? {} : { locate }),
    audit: {
      record: (event) =>
        sink.record(event).then(
          () => {
            auditFails = false
          },
          (error: unknown) => {
            auditFails = true
            throw error
          },
        ),
    },
    ...(settings.audit === false ? {} : { onAuditFailure: settings.audit.onFailure }),
  })
  return {
    guard,
    problems: () =>
      auditFails && settings.audit !== false && settings.audit.onFailure === 'block'
        ? ['the audit log cannot be written']
        : [],
    async close() {
      await guard.close()
      await audit?.close()
      await limiter.close()
      oauth2?.close()
    },
  }
}
