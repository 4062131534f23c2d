import { type ApiKeyRecord, createApiKeys, fileStore, parseKey } from '@portcullis/auth-apikey'
import { isLegacyAt, stateOf } from '../keys.ts'
import { keyFileOf } from '../settings.ts'
import { type Check, failedBy, type Finding, fail, ok, warn } from './finding.ts'

const soonMs = 14 * 86_400_000

const namesOf = (records: readonly ApiKeyRecord[]): string => {
  const shown = records.slice(0, 10).map((record) => JSON.stringify(record.name))
  return records.length > shown.length
    ? `${shown.join(', ')} and ${records.length - shown.length} more`
    : shown.join(', ')
}

const about = (id: string, found: readonly ApiKeyRecord[], good: string, bad: string, fix: string): Finding =>
  found.length === 0 ? ok(id, good) : warn(id, `${bad}: ${namesOf(found)}`, fix)

/** The key file and what is in it. */
export const keys: Check = async (settings) => {
  const file = keyFileOf(settings)
  let records: readonly ApiKeyRecord[]
  try {
    records = await createApiKeys({ store: fileStore(file) }).list()
  } catch (error) {
    return failedBy('key-file', error, 'restore it from a copy, or move it away and issue new keys')
  }
  const nowMs = Date.now()
  const active = records.filter((record) => stateOf(record, nowMs) === 'active')
  const expired = records.filter((record) => stateOf(record, nowMs) === 'expired')
  const expiring = active.filter(({ expiresAtMs }) => expiresAtMs !== null && expiresAtMs - nowMs <= soonMs)
  const powerful = active.filter((record) => record.grants.includes('*'))
  return [
    ok('key-file', records.length === 0 ? 'no keys yet' : `${records.length} keys, ${active.length} of them active`),
    isLegacyAt(file)
      ? warn('legacy-keys', `${JSON.stringify(file)} holds keys in plain text`, 'portcullis keys migrate')
      : ok('legacy-keys', 'no keys in plain text'),
    about('expired-keys', expired, 'no expired keys', 'expired', 'portcullis keys revoke NAME'),
    about('expiring-keys', expiring, 'no key expires within 14 days', 'expire within 14 days', 'issue successors'),
    about(
      'keys-without-rights',
      active.filter((record) => record.grants.length === 0),
      'every key may do something',
      'may do nothing',
      'issue them anew with --allow, or revoke them',
    ),
    // Worth knowing and no mistake: the first key of an installation is such a one.
    ok('keys-with-all-rights', about('', powerful, 'no key may do everything', 'may do everything', '').message),
  ]
}

const placeholder =
  /your[-_ ]|change[-_]?me|placeholder|replace[-_]?me|example|api[-_]?key|^(?:test|secret|password|default|admin)[-_0-9]*$|x{6}|<|\.\.\./i

/** Whether a value is one that documentation shows rather than a secret. Our own random keys are none, whatever letters they hold. */
export const isPlaceholder = (value: string): boolean => parseKey(value) === undefined && placeholder.test(value)

export const environmentKey: Check = () => {
  const id = 'environment-key'
  const value = process.env['MCP_API_KEY'] ?? ''
  if (value === '') return ok(id, 'MCP_API_KEY is not set')
  const fix = 'portcullis keys create NAME --allow GRANT, and set MCP_API_KEY to what it prints'
  if (isPlaceholder(value)) return fail(id, 'MCP_API_KEY is a placeholder', fix)
  if (value.length < 32) return fail(id, `MCP_API_KEY has ${value.length} characters: it can be guessed`, fix)
  return ok(id, 'MCP_API_KEY is long enough')
}

export const environmentConflict: Check = () => {
  const both = ['MCP_API_KEY', 'MCP_API_KEY_FILE'].every((name) => (process.env[name] ?? '') !== '')
  return both
    ? fail('environment-conflict', 'MCP_API_KEY and MCP_API_KEY_FILE are both set', 'unset one of them')
    : ok('environment-conflict', 'MCP_API_KEY and MCP_API_KEY_FILE do not contradict')
}
