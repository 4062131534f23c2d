import { ConfigError, optionsError } from '../errors.ts'
import { formatPointer } from '../format/pointer.ts'
import type { StandardSchema } from './standard-schema.ts'

const shown = 5

/**
 * What the schema made of the values. The message says where, never what: the messages of schemas hold values.
 * @throws ConfigError `ERR_CONFIG_SCHEMA`; `ERR_CONFIG_OPTIONS` for a schema that is asynchronous
 */
export const validate = (schema: StandardSchema, values: unknown): unknown => {
  const result = schema['~standard'].validate(values)
  if (result instanceof Promise) {
    result.catch(() => {})
    throw optionsError('the schema must be synchronous')
  }
  if (!result.issues) return result.value
  const pointers = result.issues.map(({ path = [] }) =>
    formatPointer(path.map((step) => String(typeof step === 'object' ? step.key : step))),
  )
  const places = [...new Set(pointers)].slice(0, shown).map((pointer) => JSON.stringify(pointer))
  throw new ConfigError('ERR_CONFIG_SCHEMA', `it is not as its schema says, at ${places.join(', ')}`)
}

export const checkSchema = (schema: unknown): StandardSchema | undefined => {
  if (schema === undefined) return undefined
  const standard = (schema as Partial<StandardSchema> | null)?.['~standard']
  if (standard?.version === 1 && typeof standard.validate === 'function') return schema as StandardSchema
  throw optionsError('schema must be a Standard Schema: of zod, valibot, arktype and others')
}
