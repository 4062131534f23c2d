import { TransportError } from './errors.ts'

export type Check = (value: unknown) => boolean

export const isText: Check = (value) => typeof value === 'string' && value !== ''
export const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
export const isFlag: Check = (value) => typeof value === 'boolean'
export const isFunction: Check = (value) => typeof value === 'function'
export const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)
export const isGuard: Check = (value) => isObject(value) && isFunction((value as { check?: unknown }).check)
export const isWhole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
export const areMasterKeys: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((key) => key instanceof Uint8Array && key.length === 32)

/**
 * Refuses options that are unknown or not what they must be: a misspelt safety switch is one that is off without a word.
 *
 * @throws {TransportError} `ERR_TRANSPORT_OPTIONS`
 */
export const assertOptions = (what: string, given: object, checks: Readonly<Record<string, Check>>): void => {
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) {
      throw new TransportError('ERR_TRANSPORT_OPTIONS', `${what}: unknown option ${JSON.stringify(name)}`)
    }
    if (value !== undefined && !check(value)) {
      throw new TransportError('ERR_TRANSPORT_OPTIONS', `${what}: the option ${name} is not what it must be`)
    }
  }
}
