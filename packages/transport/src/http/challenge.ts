import type { Challenge } from '@portcullis/guard'

/** A `quoted-string` (RFC 9110 section 5.6.4) of text that configuration made; anything else in it is dropped. */
const quoted = (text: string): string => `"${text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')}"`

/** The value of `WWW-Authenticate` (RFC 6750 section 3). Without a credential it carries no error code (section 3.1). */
export const challengeOf = (challenge: Challenge): string => {
  const parameters: string[] = []
  if (challenge.error !== undefined) parameters.push(`error=${quoted(challenge.error)}`)
  if ('scopes' in challenge) parameters.push(`scope=${quoted(challenge.scopes.join(' '))}`)
  return parameters.length === 0 ? 'Bearer' : `Bearer ${parameters.join(', ')}`
}
