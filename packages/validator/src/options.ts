import { ValidatorError } from './errors.ts'
import { compileModes, type ModeTable } from './policy/modes.ts'
import { compileSuppressions, type Suppress } from './policy/suppressions.ts'
import { readResultOptions, type ResultSettings } from './results/options.ts'
import type { Preset, SchemaPort, ToolArguments, UserRule, ValidatorOptions } from './types.ts'

export interface Settings {
  readonly preset: Preset
  readonly maxBodyBytes: number
  readonly maxDepth: number
  readonly maxKeys: number
  readonly maxKeyBytes: number
  readonly maxArrayLength: number
  readonly maxNodes: number
  readonly maxStringBytes: number
  readonly maxResultBytes: number
  readonly maxFindings: number
  readonly threshold: number
  readonly tools: ToolArguments
  readonly modes: ModeTable
  readonly userRules: readonly UserRule[]
  readonly suppress: Suppress
  readonly schemas: SchemaPort | undefined
  readonly results: ResultSettings
  /** Whether a text holds a marker for something redacted that this validator made. */
  readonly isMarker: (text: string) => boolean
}

const PRESETS: readonly Preset[] = ['off', 'standard', 'strict']
const MAX_BYTES = 268_435_456
/** Beyond this JSON.stringify may overflow the stack of whoever writes the value again. */
export const SAFE_DEPTH = 1000

const fail = (problem: string): never => {
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem)
}

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS */
export function readOptions(options: ValidatorOptions): Settings {
  if (typeof options !== 'object' || options === null) fail('options must be an object')
  const {
    preset = 'standard',
    maxBodyBytes = 1_048_576,
    maxDepth = 64,
    maxKeys = 10_000,
    maxKeyBytes = 1024,
    ...rest
  } = options
  const {
    maxNodes = 100_000,
    maxArrayLength = maxNodes,
    maxStringBytes = maxBodyBytes,
    maxResultBytes = 16_777_216,
    ...others
  } = rest
  const { maxFindings = 32, tools = {}, modes = {}, threshold = 3, userRules = [], schemas, ...more } = others
  const { suppressions = [], results = {}, now = Date.now, ...unknown } = more
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(`options have an unknown field ${JSON.stringify(field)}`)
  if (!PRESETS.includes(preset)) fail(`preset must be one of ${PRESETS.join(', ')}`)
  checkWhole('maxBodyBytes', maxBodyBytes, MAX_BYTES)
  checkWhole('maxDepth', maxDepth, SAFE_DEPTH)
  checkWhole('maxKeys', maxKeys, 1_000_000)
  checkWhole('maxKeyBytes', maxKeyBytes, 1_048_576)
  checkWhole('maxNodes', maxNodes, 10_000_000)
  checkWhole('maxArrayLength', maxArrayLength, 10_000_000)
  checkWhole('maxStringBytes', maxStringBytes, MAX_BYTES)
  checkWhole('maxResultBytes', maxResultBytes, MAX_BYTES)
  checkWhole('maxFindings', maxFindings, 1000)
  checkWhole('threshold', threshold, 100)
  if (typeof now !== 'function') fail('now must be a function')
  checkUserRules(userRules)
  if (schemas !== undefined && typeof schemas?.check !== 'function')
    fail('schemas must come from createSchemaValidator')
  const resultSettings = readResultOptions(results)
  return Object.freeze({
    preset,
    maxBodyBytes,
    maxDepth,
    maxKeys,
    maxKeyBytes,
    maxArrayLength,
    maxNodes,
    maxStringBytes,
    maxResultBytes,
    maxFindings,
    threshold,
    tools,
    modes: compileModes(preset, modes, userRules),
    userRules,
    schemas,
    suppress: compileSuppressions(suppressions, userRules, now),
    results: resultSettings,
    isMarker: resultSettings.markers.isOurs,
  })
}

function checkUserRules(rules: readonly UserRule[]): void {
  if (!Array.isArray(rules) || rules.length > 1000) fail('userRules must be a list of at most 1000')
  const ids = new Set<string>()
  for (const [index, rule] of rules.entries()) {
    if (typeof rule !== 'object' || rule === null || typeof rule.find !== 'function')
      fail(`userRules[${index}] must come from compileUserRules`)
    if (!/^user\.[a-z0-9_.-]{1,64}$/.test(rule.id)) fail(`userRules[${index}].id must begin with "user."`)
    if (ids.has(rule.id)) fail(`userRules[${index}].id stands twice`)
    ids.add(rule.id)
  }
}

function checkWhole(name: string, value: unknown, max: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return
  fail(`${name} must be a whole number from 1 to ${max}`)
}
