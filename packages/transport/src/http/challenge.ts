import type { Challenge } from '@portcullis/guard'

/** A `quoted-string` (RFC 9110 section 5.6.4) of text that configuration made; anything else in it is dropped. */
const quoted = (text: string): string => `"${text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')}"`

/** What OAuth clients are told besides: where the resource describes itself (RFC 9728 section 5.1), and which scopes to ask for. */
export interface Guidance {
  readonly resourceMetadata: string
  readonly scopes: readonly string[]
}

/** The value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9449 section 7.1). Without a credential it carries no error code (section 3.1). */
export const challengeOf = (challenge: Challenge, guidance?: Guidance): string => {
  const scopes = 'scopes' in challenge ? challenge.scopes : (guidance?.scopes ?? [])
  const parameters: string[] = []
  if (challenge.error !== undefined) parameters.push(`error=${quoted(challenge.error)}`)
  if (scopes.length > 0) parameters.push(`scope=${quoted(scopes.join(' '))}`)
  if (guidance !== undefined) parameters.push(`resource_metadata=${quoted(guidance.resourceMetadata)}`)
  const scheme = 'scheme' in challenge ? 'DPoP' : 'Bearer'
  return parameters.length === 0 ? scheme : `${scheme} ${parameters.join(', ')}`
}
