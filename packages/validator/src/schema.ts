/**
 * JSON Schema with bounds, on `ajv` and `re2js` (both optional peers of the package).
 * @module
 */
export { createSchemaValidator } from './schema/provider.ts'
export type { SchemaAnswer, SchemaOptions, SchemaValidator, SdkAnswer } from './schema/types.ts'
export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
