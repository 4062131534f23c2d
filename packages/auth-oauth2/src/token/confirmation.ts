/** What a caller has to prove besides showing the token (RFC 7800). */
export interface Confirmation {
  /** SHA-256 thumbprint of a key that signs a proof for each request (RFC 9449 section 6.1). */
  readonly jkt?: string
  /** SHA-256 of the client certificate of the connection (RFC 8705 section 3.1). */
  readonly x5t?: string
}

/** A SHA-256 in base64url: 43 characters, the last of which has two bits that stand for nothing. */
const sha256Text = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/**
 * Reads `cnf`. Every member is a condition, so one that is not understood cannot be met.
 * @returns undefined where there is none
 */
export const confirmationOf = (cnf: unknown): Confirmation | undefined | 'unknown' => {
  if (cnf === undefined) return undefined
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) return 'unknown'
  const { jkt, 'x5t#S256': x5t, ...others } = cnf as Record<string, unknown>
  if (Object.keys(others).length > 0 || (jkt === undefined && x5t === undefined)) return 'unknown'
  for (const print of [jkt, x5t]) {
    if (print !== undefined && (typeof print !== 'string' || !sha256Text.test(print))) return 'unknown'
  }
  return Object.freeze({
    ...(jkt === undefined ? {} : { jkt: jkt as string }),
    ...(x5t === undefined ? {} : { x5t: x5t as string }),
  })
}
