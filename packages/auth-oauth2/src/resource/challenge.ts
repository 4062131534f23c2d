import { invalid, refuseUnknown } from '../checks.ts'
import { isScope } from '../token/scopes.ts'
import { checkEndpoint } from '../http/url.ts'

export interface ChallengeOptions {
  /** Default `Bearer`. */
  readonly scheme?: 'Bearer' | 'DPoP'
  /** Leave it out where no credential was sent (RFC 6750 section 3.1). */
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | 'use_dpop_nonce'
  /** All scopes of the operation that was asked for, in one challenge. */
  readonly scopes?: readonly string[]
  /** URL of the metadata document (RFC 9728 section 5.1). */
  readonly resourceMetadata?: string
  /** With `DPoP`: the algorithms of proofs (RFC 9449 section 7.1). */
  readonly algorithms?: readonly string[]
}

const ERRORS = ['invalid_request', 'invalid_token', 'insufficient_scope', 'invalid_dpop_proof', 'use_dpop_nonce']
const FIELDS = ['scheme', 'error', 'scopes', 'resourceMetadata', 'algorithms']

/**
 * The value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9449 section 7.1). Built from what the server is configured with alone: nothing of a request goes in.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const challenge = (options: ChallengeOptions = {}): string => {
  refuseUnknown('challenge options', options, FIELDS)
  const { scheme = 'Bearer', error, scopes = [], resourceMetadata, algorithms = [] } = options
  if (scheme !== 'Bearer' && scheme !== 'DPoP') throw invalid('scheme must be Bearer or DPoP')
  if (error !== undefined && !ERRORS.includes(error)) throw invalid(`error must be one of ${ERRORS.join(', ')}`)
  if (!scopes.every(isScope)) throw invalid('scopes must be scopes (RFC 6749 section 3.3)')
  if (resourceMetadata !== undefined) checkEndpoint('resourceMetadata', resourceMetadata)
  if (!algorithms.every((algorithm) => /^[A-Za-z0-9]+$/.test(algorithm)))
    throw invalid('algorithms must be JWS algorithms')
  const asked = scopes.filter((scope) => scope !== 'offline_access')
  const parameters = [
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(asked.length === 0 ? [] : [`scope="${asked.join(' ')}"`]),
    ...(resourceMetadata === undefined ? [] : [`resource_metadata="${resourceMetadata}"`]),
    ...(scheme === 'DPoP' && algorithms.length > 0 ? [`algs="${algorithms.join(' ')}"`] : []),
  ]
  return parameters.length === 0 ? scheme : `${scheme} ${parameters.join(', ')}`
}
