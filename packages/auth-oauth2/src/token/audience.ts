/** How a token's `aud` is held against what this resource is called. */
export type AudienceMode = 'member' | 'exact' | 'allowlist' | 'client'

export interface AudienceRules {
  readonly audience: readonly string[]
  readonly audienceMode: AudienceMode
  /** With `allowlist`: who else a token may be for. */
  readonly alsoFor: readonly string[]
  /** The clients whose tokens are taken; undefined: all. */
  readonly clients: readonly string[] | undefined
}

const MAX_AUDIENCES = 100

/** Whether the token is for this resource. Every comparison is by exact text (RFC 7519 section 4.1.3, RFC 8707 section 2). */
export const isForUs = (aud: unknown, rules: AudienceRules): boolean => {
  const { audience, audienceMode, alsoFor } = rules
  // Who it is for is told by its client alone, which `isFromKnownClient` looks at.
  if (audienceMode === 'client') return aud === undefined || isForUs(aud, { ...rules, audienceMode: 'member' })
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (named.length > MAX_AUDIENCES || !named.some((one) => audience.includes(one as string))) return false
  if (audienceMode === 'exact') return named.length === 1
  if (audienceMode === 'allowlist') {
    return named.every((one) => audience.includes(one as string) || alsoFor.includes(one as string))
  }
  return named.every((one) => typeof one === 'string')
}

export const isFromKnownClient = (clientId: string | undefined, { clients }: AudienceRules): boolean =>
  clients === undefined || (clientId !== undefined && clients.includes(clientId))
