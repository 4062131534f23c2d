type Members = Readonly<Record<string, unknown>>

/** Where an issuer writes scopes, and what it puts before ours. */
export interface ScopeRules {
  /** Claims that hold scopes, as text or array. */
  readonly scopeClaims: readonly string[]
  /** Only scopes that begin so count, without it. Empty: all. */
  readonly scopePrefix: string
}

const MAX_SCOPES = 256
const MAX_SCOPE_CHARS = 1024

/** The scopes of a token, each once; undefined where a claim is neither text nor array. What is no scope is left out. */
export const scopesOf = (payload: Members, { scopeClaims, scopePrefix }: ScopeRules): string[] | undefined => {
  const found = new Set<string>()
  for (const claim of scopeClaims) {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined
    if (value === undefined || value === null) continue
    const list: readonly unknown[] | undefined =
      typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : undefined
    if (list === undefined) return undefined
    for (const scope of list) {
      if (found.size >= MAX_SCOPES) break
      if (typeof scope !== 'string' || !scope.startsWith(scopePrefix)) continue
      const own = scope.slice(scopePrefix.length)
      if (isScope(own)) found.add(own)
    }
  }
  return [...found]
}

/** RFC 6749 section 3.3. */
export const isScope = (text: string): boolean =>
  text.length <= MAX_SCOPE_CHARS && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)
