import { invalid } from '../checks.ts'
import { quote } from '../errors.ts'
import { type ClientDescription, describeClient } from './describe-client.ts'

export interface ClientMetadataDocumentOptions extends ClientDescription {
  /** Where the document will be: it is the client's id. `https:` with a path, and in one spelling only. */
  readonly clientId: string
}

/**
 * The document that describes a client to servers which never heard of it (OAuth Client ID Metadata Document): serve it as JSON at `clientId`. It holds no
 * secret, so the client is public or authenticates by a key.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const clientMetadataDocument = (options: ClientMetadataDocumentOptions): Readonly<Record<string, unknown>> => {
  const { clientId, ...described } = options
  const url = URL.canParse(clientId) ? new URL(clientId) : undefined
  const plain = url?.protocol === 'https:' && url.username === '' && url.password === '' && url.search === ''
  if (url === undefined || !plain || url.pathname === '/' || url.href !== clientId || clientId.includes('#')) {
    throw invalid(`clientId ${quote(clientId)} must be a normalised https URL with a path, without query and fragment`)
  }
  const method = described.tokenEndpointAuthMethod ?? 'none'
  if (method !== 'none' && method !== 'private_key_jwt')
    throw invalid('a document that everybody reads holds no secret')
  return Object.freeze({ client_id: clientId, ...describeClient('clientMetadataDocument options', described) })
}
