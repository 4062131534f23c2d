import { posix } from 'node:path'
import { ValidatorError } from '../errors.ts'
import type { ArgumentKind, ValueKind } from '../types.ts'

/** A kind with its options read and checked. */
export type CompiledKind = ArgumentKind

const OPTIONS: Readonly<Record<ValueKind, readonly string[]>> = {
  text: [],
  string: [],
  identifier: [],
  path: ['root'],
  url: ['schemes', 'hosts', 'denyPrivate', 'allowRelative'],
  host: ['hosts', 'denyPrivate'],
  sql: ['readOnly'],
  command: ['argv', 'programs'],
  html: ['scripts'],
  regex: [],
  email: [],
  secret: [],
  opaque: [],
  description: [],
}

export const VALUE_KINDS = Object.keys(OPTIONS) as readonly ValueKind[]

export const isValueKind = (kind: unknown): kind is ValueKind =>
  typeof kind === 'string' && Object.hasOwn(OPTIONS, kind)

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS */
export function compileKind(given: unknown, place: string): CompiledKind {
  const fail = (problem: string): never => {
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `${place}${problem}`)
  }
  if (typeof given !== 'object' || given === null) return fail(' must be an object')
  const options = given as Record<string, unknown>
  const kind = options['kind']
  if (!isValueKind(kind)) return fail(`.kind must be one of ${VALUE_KINDS.join(', ')}`)
  const known = OPTIONS[kind]
  for (const [name, value] of Object.entries(options)) {
    if (name === 'kind') continue
    if (!known.includes(name)) fail(` has a field ${JSON.stringify(name)}, which the kind ${kind} does not know`)
    if (value === undefined) continue
    if (name === 'root') {
      if (typeof value !== 'string' || !value.startsWith('/') || value.includes('\0'))
        fail('.root must be an absolute path')
    } else if (name === 'schemes' || name === 'hosts' || name === 'programs') {
      if (
        !Array.isArray(value) ||
        value.length === 0 ||
        !value.every((entry) => typeof entry === 'string' && entry !== '')
      )
        fail(`.${name} must be a list of texts that is not empty`)
    } else if (typeof value !== 'boolean') {
      fail(`.${name} must be true or false`)
    }
  }
  if (kind === 'path' && typeof options['root'] === 'string') return { kind, root: posix.resolve(options['root']) }
  return { ...options, kind } as CompiledKind
}
