import { optionsError } from '../errors.ts'
import { Automaton } from './automaton.ts'
import { type Form, formsOf } from './forms.ts'
import type { Sensitive } from './sensitive.ts'

/** What a pattern of the automaton stands for. */
export interface Meaning {
  readonly pointer: string
  readonly form: Form
  readonly bytes: Buffer
}

/** Finds texts in all their forms. */
export interface Finder {
  readonly automaton: Automaton
  readonly meanings: readonly Meaning[]
  /** Pointers of texts that are too short to be looked for: they would be found everywhere. */
  readonly tooShort: readonly string[]
}

const defaultMinLength = 6

/** @throws ConfigError `ERR_CONFIG_OPTIONS` for a `minLength` that is not 4 to 64 */
export const createFinder = (texts: readonly Sensitive[], minLength: number = defaultMinLength): Finder => {
  if (!Number.isSafeInteger(minLength) || minLength < 4 || minLength > 64) throw optionsError('minLength is 4 to 64')
  const isLong = ({ text }: Sensitive): boolean => Buffer.byteLength(text) >= minLength
  const meanings = texts
    .filter(isLong)
    .flatMap(({ pointer, text }) => formsOf(text, minLength).map((form) => ({ pointer, ...form })))
  return {
    automaton: new Automaton(meanings.map(({ bytes }) => bytes)),
    meanings,
    tooShort: texts.filter((text) => !isLong(text)).map(({ pointer }) => pointer),
  }
}
