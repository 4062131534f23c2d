/** Why `@portcullis/validator` threw. */
export type ValidatorErrorCode =
  | 'ERR_VALIDATOR_OPTIONS'
  | 'ERR_VALIDATOR_KIND'
  | 'ERR_VALIDATOR_RULE'
  | 'ERR_VALIDATOR_SCHEMA'
  | 'ERR_VALIDATOR_LOCK'
  | 'ERR_VALIDATOR_BLOCKED'
  | 'ERR_VALIDATOR_STORE'
  | 'ERR_VALIDATOR_ADDRESS'
  | 'ERR_VALIDATOR_LIST_FULL'

/** A mistake of the caller. What is wrong with a request is a {@link Finding}, never an error. */
export class ValidatorError extends Error {
  override readonly name = 'ValidatorError'
  readonly code: ValidatorErrorCode
  readonly fault: 'invalid' | 'unavailable'

  constructor(code: ValidatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.fault = code === 'ERR_VALIDATOR_LIST_FULL' || code === 'ERR_VALIDATOR_STORE' ? 'unavailable' : 'invalid'
  }
}
