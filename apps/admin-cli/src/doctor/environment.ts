import { parseKey } from '@portcullis/auth-apikey'
import { type Check, fail, ok } from './finding.ts'

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
