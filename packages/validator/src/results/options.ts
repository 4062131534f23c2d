import { ValidatorError } from '../errors.ts'
import type { ResultOptions } from '../types.ts'
import { createMarkers, type Markers } from './markers.ts'

export interface ResultSettings {
  readonly secrets: 'off' | 'monitor' | 'redact'
  readonly returnsSecrets: ReadonlySet<string>
  readonly neutraliseUnicode: boolean
  readonly markers: Markers
}

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS */
export function readResultOptions(options: ResultOptions): ResultSettings {
  const fail = (problem: string): never => {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `results${problem}`)
  }
  if (typeof options !== 'object' || options === null) fail(' must be an object')
  const { secrets = 'redact', returnsSecrets = [], neutraliseUnicode = true, markerKey, ...unknown } = options
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(` have an unknown field ${JSON.stringify(field)}`)
  if (secrets !== 'off' && secrets !== 'monitor' && secrets !== 'redact')
    fail('.secrets must be one of off, monitor, redact')
  if (!Array.isArray(returnsSecrets) || !returnsSecrets.every((tool) => typeof tool === 'string'))
    fail('.returnsSecrets must be a list of tools')
  if (typeof neutraliseUnicode !== 'boolean') fail('.neutraliseUnicode must be true or false')
  return {
    secrets,
    returnsSecrets: new Set(returnsSecrets.map((tool) => (tool.includes('/') ? tool : `local/${tool}`))),
    neutraliseUnicode,
    markers: createMarkers(markerKey),
  }
}
