/** Why `@portcullis/authz` threw. */
export type AuthzErrorCode = 'ERR_AUTHZ_GRANT' | 'ERR_AUTHZ_RULE' | 'ERR_AUTHZ_OPTIONS'

/**
 * A mistake in what was configured: a malformed grant, rule or option. A refused action is a {@link Decision}, never an error.
 * `fault` is always `invalid`: trying again does not help.
 */
export class AuthzError extends Error {
  override readonly name = 'AuthzError'
  readonly code: AuthzErrorCode
  readonly fault = 'invalid' as const

  constructor(code: AuthzErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Refuses an object with a field that is not in `known`, so that a misspelt option never means "no restriction". */
export function refuseUnknownFields(
  value: object,
  known: readonly string[],
  place: string,
  code: AuthzErrorCode,
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    throw new AuthzError(
      code,
      `${place} has an unknown field ${JSON.stringify(key)}; known fields: ${known.join(', ')}`,
    )
  }
}
