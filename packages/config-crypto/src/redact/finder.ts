import { optionsError } from '../errors.ts'
import { Automaton } from './automaton.ts'
import { type Form, formsOf, withoutLineEnds } from './forms.ts'
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

/** @throws ConfigError `ERR_CONFIG_OPTIONS` for a `minLength` that is not 4 to 64, and for what is no text or not well-formed */
export const createFinder = (texts: readonly Sensitive[], minLength: number = defaultMinLength): Finder => {
  if (!Number.isSafeInteger(minLength) || minLength < 4 || minLength > 64) throw optionsError('minLength is 4 to 64')
  for (const { pointer, text } of texts) {
    if (typeof text !== 'string') throw optionsError(`what is looked for must be a text: ${pointer}`)
    if (/\p{Surrogate}/u.test(text)) throw optionsError(`half a surrogate pair cannot be looked for: ${pointer}`)
  }
  const isLong = ({ text }: Sensitive): boolean => Buffer.byteLength(text) >= minLength
  const meanings = texts
    .filter(isLong)
    .flatMap(({ pointer, text }) => formsOf(text, minLength).map((form) => ({ pointer, ...form })))
  return {
    automaton: new Automaton(meanings.map(({ bytes }) => bytes)),
    meanings,
    tooShort: texts
      .filter(({ text }) => Buffer.byteLength(withoutLineEnds(text)) < minLength)
      .map(({ pointer }) => pointer),
  }
}
