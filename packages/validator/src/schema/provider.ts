import { createHash } from 'node:crypto'
import { ValidatorError } from '../errors.ts'
import { canonicalJson } from '../text/canonical.ts'
import { checkBounds, refuse } from './bounds.ts'
import { type Check, createCompiler } from './compile.ts'
import type { SchemaOptions, SchemaValidator, SdkAnswer } from './types.ts'

const LIMITS: Readonly<Record<keyof SchemaOptions, readonly [fallback: number, least: number, most: number]>> = {
  maxSchemaChars: [262_144, 1, 16_777_216],
  maxSchemaDepth: [40, 1, 200],
  maxSubschemas: [2000, 1, 100_000],
  maxPatternChars: [1000, 1, 10_000],
  maxSteps: [100_000, 100, 10_000_000],
  maxCached: [500, 1, 10_000],
}

/**
 * Makes a validator of JSON Schema 2020-12 (the default) and draft-07 that no schema and no value can hang: bounds on both, `pattern` in linear time, no reference out of the document.
 * @throws ValidatorError ERR_VALIDATOR_OPTIONS
 */
export function createSchemaValidator(options: SchemaOptions = {}): SchemaValidator {
  const bounds = readOptions(options)
  const compile = createCompiler(bounds)
  const byHash = new Map<string, Check>()
  const byObject = new WeakMap<object, Check>()

  const checkOf = (schema: unknown): Check => {
    if (typeof schema !== 'object' || schema === null) return compile(schema)
    const known = byObject.get(schema)
    if (known !== undefined) return known
    // Bounds first: what is hashed must be of a size to be hashed.
    checkBounds(schema, bounds)
    const hash = createHash('sha256').update(textOf(schema)).digest('base64')
    const check = byHash.get(hash) ?? compile(schema)
    // Last used is last; the first is the oldest.
    byHash.delete(hash)
    byHash.set(hash, check)
    if (byHash.size > bounds.maxCached) byHash.delete(byHash.keys().next().value as string)
    byObject.set(schema, check)
    return check
  }

  return {
    check: (schema, value) => checkOf(schema)(value),
    getValidator<T>(schema: object) {
      const check = checkOf(schema)
      return (input: unknown): SdkAnswer<T> => {
        const answer = check(input)
        return answer.valid
          ? { valid: true, data: input as T, errorMessage: undefined }
          : { valid: false, data: undefined, errorMessage: `data${answer.pointer} ${answer.message}` }
      }
    },
  }
}

/** What JSON does not have (`1n`) is no schema. */
function textOf(schema: object): string {
  try {
    return canonicalJson(schema)
  } catch (error) {
    return refuse('it is no JSON', error)
  }
}

function readOptions(options: SchemaOptions): Required<SchemaOptions> {
  const fail = (problem: string): never => {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem)
  }
  if (typeof options !== 'object' || options === null) return fail('options must be an object')
  for (const name of Object.keys(options))
    if (!Object.hasOwn(LIMITS, name)) fail(`options have an unknown field ${JSON.stringify(name)}`)
  const read = Object.entries(LIMITS).map(([name, [fallback, least, most]]) => {
    const value: unknown = options[name as keyof SchemaOptions] ?? fallback
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      fail(`${name} must be a whole number from ${least} to ${most}`)
    return [name, value]
  })
  return Object.fromEntries(read) as Required<SchemaOptions>
}
