import type { Config, Values } from '../types.ts'

/** A text that must not appear anywhere. */
export interface Sensitive {
  /** Where in the configuration it stands: a JSON Pointer, with what lies inside of a sealed value behind it. */
  readonly pointer: string
  readonly text: string
}

/** What is used of a configuration, so that any of its type parameters fits. */
export type Readable = Pick<Config<Values>, 'entries' | 'get'>

const textsIn = (value: unknown, pointer: string): readonly Sensitive[] => {
  if (typeof value === 'string') return [{ pointer, text: value }]
  // A card number stands in output as it stands in JSON.
  if (typeof value === 'number') return [{ pointer, text: String(value) }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => textsIn(member, `${pointer}/${name}`))
}

/** All texts and numbers in the sealed values of a configuration; plain values are no secrets. */
export const sensitiveTexts = (config: Readable): readonly Sensitive[] =>
  config
    .entries()
    .filter(({ sealed }) => sealed)
    .flatMap(({ pointer }) => textsIn(config.get(pointer), pointer))
