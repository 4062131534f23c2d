import { resolve } from 'node:path'
import { ConfigError, inFile, ofFile, optionsError, refuseUnknown } from '../errors.ts'
import { type Content, contentOfTree } from '../format/content.ts'
import type { Clock } from '../format/day.ts'
import { revealTree } from '../format/tree.ts'
import { readConfigText } from '../files/config-file.ts'
import { checkSources } from '../keys/holder.ts'
import { quietKeys } from '../keys/unlock.ts'
import { openLegacy } from '../import/legacy.ts'
import { openSealed, reopenSealed, type SealedFile } from '../sealed/sealed-file.ts'
import { type Steps, step } from '../steps.ts'
import type { KeySource, OpenOptions } from '../types.ts'
import { pinFileOf } from './pin.ts'
import { checkSchema, validate } from './schema.ts'
import type { StandardSchema } from './standard-schema.ts'

/** A file, and how it is read. */
export interface Place {
  /** Absolute. */
  readonly path: string
  readonly sources: readonly KeySource[]
  readonly minRev: number
  /** Where the write that was seen last is remembered. */
  readonly pinFile: string | undefined
  readonly schema: StandardSchema | undefined
  readonly clock: Clock
}

/** What was read. */
export type Opened = {
  readonly content: Content
  /** What the schema made of the values. */
  readonly output: unknown
} & (
  | { readonly kind: 'sealed'; readonly file: SealedFile /** As it stands on the disk. */; readonly text: string }
  | { readonly kind: 'legacy' }
)

export const checkPath = (path: unknown): string => {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw optionsError('path must be a path')
  return resolve(path)
}

export const checkClock = (clock: unknown): Clock => {
  if (clock === undefined) return Date.now
  if (typeof clock === 'function') return clock as Clock
  throw optionsError('clock must be a function')
}

export const checkPlace = (path: string, options: OpenOptions): Place => {
  refuseUnknown('openConfig', options, ['keys', 'minRev', 'pin', 'schema', 'clock'])
  const { minRev = 0 } = options
  if (!Number.isSafeInteger(minRev) || minRev < 0) throw optionsError('minRev must be a number of writes')
  const absolute = checkPath(path)
  return {
    path: absolute,
    sources: checkSources(options.keys),
    minRev,
    pinFile: pinFileOf(absolute, options.pin),
    schema: checkSchema(options.schema),
    clock: checkClock(options.clock),
  }
}

const outputOf = (place: Place, content: Content): unknown =>
  place.schema === undefined ? undefined : validate(place.schema, revealTree(content.root))

export const openedOf = (place: Place, file: SealedFile, text: string): Opened => ({
  kind: 'sealed',
  file,
  text,
  content: file.content,
  output: outputOf(place, file.content),
})

const assertKnown = (opened: Opened, { path, minRev }: Place): Opened => {
  if (opened.kind === 'legacy' || opened.file.header.rev >= minRev) return opened
  const message = `it was written ${opened.file.header.rev} times, and ${minRev} are known`
  throw ofFile(path, new ConfigError('ERR_CONFIG_ROLLBACK', message))
}

function* readFresh(place: Place, text: string): Steps<Opened> {
  const { path, sources, minRev } = place
  // Behind the file and not before it: whoever changes both changes the keys first.
  const { sealing, fernet } = yield* quietKeys(sources, path)
  if (fernet) {
    return inFile(path, (): Opened => {
      if (minRev > 0) throw new ConfigError('ERR_CONFIG_ROLLBACK', 'a Fernet file does not count its writes')
      const content = contentOfTree(openLegacy(text, fernet))
      return { kind: 'legacy', content, output: outputOf(place, content) }
    })
  }
  try {
    const file = yield* openSealed(text, { path, quiet: sealing, sources })
    return openedOf(place, file, text)
  } catch (error) {
    throw ofFile(path, error)
  }
}

const reopen = (place: Place, text: string, known: Opened | undefined): Opened | undefined => {
  if (known?.kind !== 'sealed') return undefined
  if (text === known.text) return known
  return inFile(place.path, () => {
    const file = reopenSealed(text, known.file)
    return file && openedOf(place, file, text)
  })
}

const hasNoKey = (error: unknown): boolean => error instanceof ConfigError && error.code === 'ERR_CONFIG_NO_KEY'

/** @param known what was open before: where its data key is still the one, no key is read */
export function* read(place: Place, known?: Opened): Steps<Opened> {
  const { path } = place
  const textStep = { sync: () => readConfigText(path), async: () => readConfigText(path) }
  let text = yield* step(textStep)
  for (;;) {
    try {
      return assertKnown(reopen(place, text, known) ?? (yield* readFresh(place, text)), place)
    } catch (error) {
      if (!hasNoKey(error)) throw error
      // Its keys may have been changed between the two.
      const again = yield* step(textStep)
      if (again === text) throw error
      text = again
    }
  }
}
