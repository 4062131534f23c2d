import { optionsError } from '../errors.ts'
import type { Steps } from '../steps.ts'
import type { KeySource, Kms } from '../types.ts'
import type { SealingKey } from './key-text.ts'

/** For which file a key is asked for: what a prompt shows and a command is told. */
export interface Wanted {
  readonly path: string
  readonly kids: readonly string[]
}

/** Where one text is: a key, or a passphrase. */
export interface TextHolder {
  readonly kind: 'text'
  /** For messages: `key file "/x"`, `environment variable X`. */
  readonly place: string
  /** Reading it asks nobody and starts nothing: it is read before the others, whatever its place in the list. */
  readonly quiet: boolean
  /** `undefined` where there is none. */
  read(wanted: Wanted): Steps<string | undefined>
  /** Only key files: makes the key where there is none. */
  readonly create?: () => Promise<void>
  /** Only key files: their path, for rotation. */
  readonly path?: string
}

export interface RawHolder {
  readonly kind: 'raw'
  readonly key: SealingKey
}

export interface PassphraseHolder {
  readonly kind: 'passphrase'
  readonly from: TextHolder
  /** log2 of scrypt's N where a new entry is made. */
  readonly cost: number
}

export interface KmsHolder {
  readonly kind: 'kms'
  readonly kms: Kms
}

export type Holder = TextHolder | RawHolder | PassphraseHolder | KmsHolder

// Apart from the sources, so that nothing of a key is in what a caller holds and may print.
const holders = new WeakMap<KeySource, Holder>()

export const define = (source: string, holder: Holder): KeySource => {
  const made = Object.freeze({ source })
  holders.set(made, holder)
  return made
}

export const holderOf = (source: KeySource): Holder => {
  const holder = typeof source === 'object' && source !== null ? holders.get(source) : undefined
  if (!holder) throw optionsError('keys must be made by keys.file, keys.env and the like, or keys.parse')
  return holder
}

export const checkSource = (source: unknown): KeySource => {
  holderOf(source as KeySource)
  return source as KeySource
}

/** A list of sources as a caller gave it. */
export const checkSources = (sources: unknown): readonly KeySource[] => {
  if (!Array.isArray(sources) || sources.length === 0) throw optionsError('keys must be a list of key sources')
  return sources.map(checkSource)
}

export const quoted = ({ source }: KeySource): string => JSON.stringify(source)
