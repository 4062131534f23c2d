import { isRecord } from './json-rpc.ts'
import type { Credential } from './ports.ts'

/** Credentials travel inside messages at the specification's places: `auth`, `params.auth`, and `params._meta.auth`. */
export interface InBand {
  /** The message without any of them. The same object when there were none. */
  readonly message: unknown
  /** What was found: nothing, one credential, or something that is not one. */
  readonly credential: Credential | 'malformed' | undefined
}

const credentialOf = (auth: unknown): Credential | 'malformed' => {
  if (!isRecord(auth)) return 'malformed'
  const { type, api_key: apiKey, access_token: accessToken } = auth
  if (type === 'api_key' && typeof apiKey === 'string' && apiKey !== '')
    return { source: 'in_band_api_key', text: apiKey }
  if (type === 'oauth2' && typeof accessToken === 'string' && accessToken !== '') {
    return { source: 'in_band_oauth2', text: accessToken }
  }
  return 'malformed'
}

const without = (record: Record<string, unknown>, key: string): Record<string, unknown> => {
  const { [key]: _, ...rest } = record
  return rest
}

/** Takes every in-band credential out of a message, so that none reaches a handler or a log; more than one is malformed. */
export const takeInBandCredential = (message: unknown): InBand => {
  if (!isRecord(message)) return { message, credential: undefined }
  const found: unknown[] = []
  let cleaned = message
  if ('auth' in cleaned) {
    found.push(cleaned['auth'])
    cleaned = without(cleaned, 'auth')
  }
  let params = cleaned['params']
  if (isRecord(params)) {
    const before = params
    if ('auth' in params) {
      found.push(params['auth'])
      params = without(params, 'auth')
    }
    const meta = isRecord(params) ? params['_meta'] : undefined
    if (isRecord(meta) && 'auth' in meta) {
      found.push(meta['auth'])
      params = { ...(params as Record<string, unknown>), _meta: without(meta, 'auth') }
    }
    if (params !== before) cleaned = { ...cleaned, params }
  }
  if (found.length === 0) return { message, credential: undefined }
  return { message: cleaned, credential: found.length === 1 ? credentialOf(found[0]) : 'malformed' }
}
