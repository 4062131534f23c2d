import { ValidatorError } from './errors.ts'
import type { Preset, ValidatorOptions } from './types.ts'

export type Settings = Required<ValidatorOptions>

const PRESETS: readonly Preset[] = ['off', 'standard', 'strict']
const MAX_BYTES = 268_435_456
/** Beyond this JSON.stringify may overflow the stack of whoever writes the value again. */
export const SAFE_DEPTH = 1000

const fail = (problem: string): never => {
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem)
}

export function readOptions(options: ValidatorOptions): Settings {
  if (typeof options !== 'object' || options === null) fail('options must be an object')
  const { preset = 'standard', maxBodyBytes = 1_048_576, maxDepth = 64, maxKeys = 10_000, ...rest } = options
  const { maxNodes = 100_000, maxStringBytes = maxBodyBytes, maxResultBytes = 16_777_216, ...others } = rest
  const { maxFindings = 32, tools = {}, ...unknown } = others
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(`options have an unknown field ${JSON.stringify(field)}`)
  if (!PRESETS.includes(preset)) fail(`preset must be one of ${PRESETS.join(', ')}`)
  checkWhole('maxBodyBytes', maxBodyBytes, MAX_BYTES)
  checkWhole('maxDepth', maxDepth, SAFE_DEPTH)
  checkWhole('maxKeys', maxKeys, 1_000_000)
  checkWhole('maxNodes', maxNodes, 10_000_000)
  checkWhole('maxStringBytes', maxStringBytes, MAX_BYTES)
  checkWhole('maxResultBytes', maxResultBytes, MAX_BYTES)
  checkWhole('maxFindings', maxFindings, 1000)
  return Object.freeze({
    preset,
    maxBodyBytes,
    maxDepth,
    maxKeys,
    maxNodes,
    maxStringBytes,
    maxResultBytes,
    maxFindings,
    tools,
  })
}

function checkWhole(name: string, value: unknown, max: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return
  fail(`${name} must be a whole number from 1 to ${max}`)
}
