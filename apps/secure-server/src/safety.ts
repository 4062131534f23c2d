import type { Settings } from './config/settings.ts'
import { configurationError } from './exit.ts'
import type { KeyRing } from './keys/credentials.ts'

const minKeyLength = 32

/** Values that stand in instructions, and everybody who reads them knows. */
const placeholder =
  /your[-_ ]|change[-_ ]?me|placeholder|example|^(?:secret|password|test|dev|admin|default|api[-_]?key|token)$|^sk-(?:prod|dev|ro)-[0-9a-f]+$|^(.)\1*$/i

export const isPlaceholder = (key: string): boolean => placeholder.test(key)

/** What a server that others can reach must have; refused before anything is created. */
export const assertSafeToExpose = (settings: Settings, keys: KeyRing | undefined): void => {
  const { listen, auth } = settings
  if (auth.enabled && auth.oauth2 !== undefined && listen.publicUrl === undefined && listen.allowedHosts.length > 0) {
    throw configurationError('OAuth with listen.allowedHosts needs listen.publicUrl: what its tokens are for')
  }
  if (listen.loopback) return
  const where = `listening on ${listen.host}, which others can reach`
  if (!auth.enabled) throw configurationError(`MCP_AUTH_ENABLED=false is refused when ${where}; bind 127.0.0.1`)
  if (auth.oauth2 !== undefined && listen.publicUrl === undefined) {
    throw configurationError(`OAuth, ${where}, needs listen.publicUrl: what its tokens are for`)
  }
  if (keys?.usable !== true && auth.oauth2 === undefined && auth.anonymous.length === 0) {
    throw configurationError(
      `${where}, needs a way in: create a key with "portcullis keys create NAME --allow GRANT", or bind 127.0.0.1`,
    )
  }
  if (listen.allowedHosts.length === 0) {
    throw configurationError(
      `${where}, needs listen.publicUrl or listen.allowedHosts: the names that clients use for it`,
    )
  }
  if (auth.apiKey !== undefined && (isPlaceholder(auth.apiKey) || auth.apiKey.length < minKeyLength)) {
    throw configurationError(
      `MCP_API_KEY is a placeholder or shorter than ${minKeyLength} characters; refused when ${where}`,
    )
  }
}
