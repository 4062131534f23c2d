import { Ajv, type ErrorObject } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { ValidatorError } from '../errors.ts'
import { checkBounds, refTargets, refuse } from './bounds.ts'
import { FORMATS } from './formats.ts'
import { linearRegExp } from './regexp.ts'
import { areUnique } from './unique.ts'
import type { SchemaAnswer, SchemaOptions } from './types.ts'

const DIALECTS: Readonly<Record<string, '2020-12' | 'draft-07'>> = {
  'https://json-schema.org/draft/2020-12/schema': '2020-12',
  'http://json-schema.org/draft/2020-12/schema': '2020-12',
  'http://json-schema.org/draft-07/schema': 'draft-07',
  'https://json-schema.org/draft-07/schema': 'draft-07',
}
/** Stands in what references lead to, so that each use of one is counted. */
const COUNTED = 'x-portcullis-counted'

/** More steps than were allowed: thrown through the compiled code, and caught around it. */
class OutOfSteps extends Error {}

export type Check = (value: unknown) => SchemaAnswer

/** An instance of `ajv` costs more than a schema, so there is one for each dialect; what it remembers of schemas is thrown away with it after so many. */
const MAX_COMPILED = 1000

/** Compiles schemas of both dialects. */
export function createCompiler(bounds: Required<SchemaOptions>): (schema: unknown) => Check {
  let steps = 0
  const count = (): boolean => {
    if (++steps > bounds.maxSteps) throw new OutOfSteps()
    return true
  }
  const instances = new Map<string, Ajv>()
  let compiledCount = 0
  const instance = (dialect: '2020-12' | 'draft-07'): Ajv => {
    const known = instances.get(dialect)
    if (known !== undefined) return known
    const options = {
      strict: false,
      allErrors: false,
      validateSchema: true,
      validateFormats: true,
      logger: false as const,
      inlineRefs: false as const,
      addUsedSchema: false,
      code: { regExp: Object.assign((pattern: string) => linearRegExp(pattern), { code: 'linearRegExp' }) },
      formats: { ...FORMATS },
    }
    const made: Ajv = dialect === '2020-12' ? new Ajv2020(options) : new Ajv(options)
    made.removeKeyword('uniqueItems')
    made.addKeyword({
      keyword: 'uniqueItems',
      type: 'array',
      schemaType: 'boolean',
      errors: false,
      error: { message: 'must NOT have duplicate items' },
      validate: areUnique,
    })
    made.addKeyword({ keyword: COUNTED, validate: count, errors: false, schema: false })
    instances.set(dialect, made)
    return made
  }

  return (schema) => {
    if (typeof schema === 'boolean')
      return () => (schema ? { valid: true } : { valid: false, pointer: '', message: 'nothing is accepted' })
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return refuse('it is no object')
    checkBounds(schema, bounds)
    const dialect = dialectOf(schema as Record<string, unknown>)
    if (++compiledCount % MAX_COMPILED === 0) instances.clear()
    const ajv = instance(dialect)
    const copy = prepare(schema as Record<string, unknown>)
    let validate
    try {
      validate = ajv.compile<unknown>(copy)
    } catch (error) {
      return refuse(error instanceof Error ? error.message.slice(0, 300) : 'it cannot be compiled', error)
    } finally {
      ajv.removeSchema(copy)
    }
    const compiled = validate
    return (value) => {
      steps = 0
      try {
        if (compiled(value)) return { valid: true }
        return describe(compiled.errors?.[0])
      } catch (error) {
        if (error instanceof OutOfSteps)
          return { valid: false, pointer: '', message: `it takes more than ${bounds.maxSteps} steps to validate` }
        if (error instanceof RangeError)
          return { valid: false, pointer: '', message: 'it is nested too deeply to validate' }
        throw error
      }
    }
  }
}

function dialectOf(schema: Record<string, unknown>): '2020-12' | 'draft-07' {
  const said = schema['$schema']
  // MCP: without `$schema` a schema is of 2020-12 (SEP-1613).
  if (said === undefined) return '2020-12'
  const name = typeof said === 'string' ? said.replace(/#$/, '') : ''
  if (!Object.hasOwn(DIALECTS, name))
    throw new ValidatorError(
      'ERR_VALIDATOR_SCHEMA',
      `the schema is refused: its dialect ${JSON.stringify(String(said).slice(0, 100))} is not known`,
    )
  return DIALECTS[name] as '2020-12' | 'draft-07'
}

/** A copy of its own scope: without `$id` and `$schema`, and with a count in what references lead to. */
function prepare(schema: Record<string, unknown>): Record<string, unknown> {
  const copy = structuredClone(schema)
  delete copy['$id']
  delete copy['$schema']
  delete copy['id']
  for (const target of refTargets(copy)) {
    if (typeof target === 'object' && target !== null && !Array.isArray(target))
      (target as Record<string, unknown>)[COUNTED] = true
  }
  return copy
}

function describe(error: ErrorObject | undefined): SchemaAnswer {
  if (error === undefined) return { valid: false, pointer: '', message: 'it does not fit' }
  const { instancePath, keyword, params } = error
  const named =
    keyword === 'required'
      ? params['missingProperty']
      : keyword === 'additionalProperties'
        ? params['additionalProperty']
        : keyword === 'unevaluatedProperties'
          ? params['unevaluatedProperty']
          : undefined
  const name = typeof named === 'string' ? ` ${JSON.stringify(named.slice(0, 64))}` : ''
  const message =
    keyword === 'required'
      ? `property${name} is missing`
      : name === ''
        ? (error.message ?? 'it does not fit')
        : `property${name} is not known`
  return { valid: false, pointer: instancePath.slice(0, 1024), message }
}
