import { addressGroup, createCidrSet } from '@portcullis-internal/net'
import { type AuditLog, createAuditLog } from '@portcullis/audit'
import { compileGrants, createPolicy } from '@portcullis/authz'
import { createGuard, type Guard, type GuardLog } from '@portcullis/guard'
import { deriveKey } from '@portcullis/transport'
import { createAddressList, createValidator } from '@portcullis/validator'
import { join } from 'node:path'
import type { Settings } from './config/settings.ts'
import { configurationError, ExitError } from './exit.ts'
import { createKeyRing, type KeyRing } from './keys/credentials.ts'
import { createLimits } from './limits.ts'

/** The parts of a running server that outlive a request. */
export interface Assembly {
  readonly guard: Guard
  close(): Promise<void>
}

/** The keys of the settings; `undefined` when keys or authentication are off. */
export const openKeys = async (settings: Settings): Promise<KeyRing | undefined> => {
  const { keys, enabled, apiKey } = settings.auth
  if (keys === false || !enabled) return undefined
  return createKeyRing({
    path: join(settings.dir, 'api_keys.json'),
    prefix: keys.prefix,
    ...(apiKey === undefined ? {} : { apiKey }),
  })
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
const planned = (settings: Settings) => {
  const policy = createPolicy(settings.policy)
  compileGrants(settings.auth.anonymous)
  createCidrSet(settings.listen.trustedProxies)
  const { preset, maxBodyBytes, maxDepth, blockedAddresses } = settings.validation
  return {
    policy,
    limiter: createLimits(settings, policy),
    validator: createValidator({ preset, maxBodyBytes, maxDepth }),
    addresses: createAddressList(blockedAddresses),
  }
}

export type Plan = ReturnType<typeof planned>

/** @throws {ExitError} 78 */
export const plan = (settings: Settings): Plan => {
  try {
    return planned(settings)
  } catch (error) {
    throw configurationError((error as Error).message, { cause: error })
  }
}

/** Wires the packages together: nothing of the pipeline is decided here. */
export const assemble = async (
  settings: Settings,
  { policy, limiter, validator, addresses }: Plan,
  ports: { readonly keys: KeyRing | undefined; readonly masterKey: () => Promise<Uint8Array>; readonly log: GuardLog },
): Promise<Assembly> => {
  const audit = await openAudit(settings, ports.masterKey)
  const guard = createGuard({
    authenticate: settings.auth.enabled
      ? { ...(ports.keys === undefined ? {} : { apiKeys: ports.keys }), anonymous: settings.auth.anonymous }
      : { dangerouslyAllowEveryone: true },
    policy,
    limiter,
    validator,
    addresses,
    addressGroup: (address) => addressGroup(address) ?? address,
    refusals: settings.rateLimit.refusals,
    log: ports.log,
    ...(audit === undefined || settings.audit === false ? {} : { audit, onAuditFailure: settings.audit.onFailure }),
  })
  return {
    guard,
    async close() {
      await guard.close()
      await audit?.close()
      limiter.close()
    },
  }
}
