export interface SchemaOptions {
  /** Largest schema, written as JSON, in UTF-16 units: 1 to 16,777,216. Default 262,144. */
  readonly maxSchemaChars?: number
  /** Deepest nesting of a schema: 1 to 200. Default 40. */
  readonly maxSchemaDepth?: number
  /** Most objects in a schema: 1 to 100,000. Default 2,000. */
  readonly maxSubschemas?: number
  /** Longest `pattern`: 1 to 10,000. Default 1,000. */
  readonly maxPatternChars?: number
  /** Most applications of referenced subschemas in one validation: 100 to 10,000,000. Default 100,000. */
  readonly maxSteps?: number
  /** Compiled schemas that are kept, by their hash: 1 to 10,000. Default 500. */
  readonly maxCached?: number
}

export type SchemaAnswer =
  | { readonly valid: true }
  | {
      readonly valid: false
      /** JSON pointer into the value. */
      readonly pointer: string
      /** What is wrong, without the value. */
      readonly message: string
    }

/** What the validator slots of the official SDKs (v1 and v2) expect of a validation. */
export type SdkAnswer<T> =
  | { valid: true; data: T; errorMessage: undefined }
  | { valid: false; data: undefined; errorMessage: string }

export interface SchemaValidator {
  /**
   * Validates a value. The first compilation of a schema takes milliseconds; later ones of an equal schema are looked up by hash, of the same object at once: do not change it.
   * @throws ValidatorError ERR_VALIDATOR_SCHEMA for a schema that is malformed, of an unknown dialect, or beyond a bound
   */
  check(schema: unknown, value: unknown): SchemaAnswer
  /**
   * For the `jsonSchemaValidator` option of servers and clients of the official SDKs.
   * @throws ValidatorError ERR_VALIDATOR_SCHEMA
   */
  getValidator<T>(schema: object): (input: unknown) => SdkAnswer<T>
}
