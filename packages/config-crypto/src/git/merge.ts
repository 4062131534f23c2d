import { randomBytes } from 'node:crypto'
import { ConfigError, ofFile, refuseUnknown } from '../errors.ts'
import { readConfigText } from '../files/config-file.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { renewal } from '../keys/renew.ts'
import { checkSources } from '../keys/holder.ts'
import { quietKeys } from '../keys/unlock.ts'
import { formatSealed, nextSealed } from '../sealed/next.ts'
import { openSealed, reopenSealed, type SealedFile } from '../sealed/sealed-file.ts'
import { runAsync } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { mergeKeys } from './merge-keys.ts'
import { mergeTrees } from './merge-trees.ts'

export interface MergeOptions {
  /** The common ancestor; an empty file where there is none. */
  readonly base: string
  readonly ours: string
  readonly theirs: string
  readonly keys: readonly KeySource[]
}

/** A file that opens, and what a person has to decide. */
export interface Merge {
  /** The merged file. Where both sides changed the same value, it has what `ours` has. */
  readonly text: string
  /** JSON Pointers of values that both sides changed in two ways. */
  readonly conflicts: readonly string[]
}

const openFile = async (
  path: string,
  sources: readonly KeySource[],
  known: SealedFile | undefined,
): Promise<SealedFile> => {
  const text = readConfigText(path)
  try {
    const again = known && reopenSealed(text, known)
    if (again) return again
    const { sealing } = await runAsync(quietKeys(sources, path))
    return await runAsync(openSealed(text, { path, quiet: sealing, sources }))
  } catch (error) {
    throw ofFile(path, error)
  }
}

const isEmpty = (path: string): boolean => readConfigText(path).trim() === ''

/** The side whose data key is kept: the one that drew a new one. */
const keptOf = (base: SealedFile | undefined, ours: SealedFile, theirs: SealedFile): SealedFile =>
  base?.vault.dataKey.equals(ours.vault.dataKey) ? theirs : ours

const mergedPatterns = (base: SealedFile | undefined, ours: SealedFile, theirs: SealedFile) => {
  const texts = (file: SealedFile | undefined) => new Set(file?.header.secrets.map(({ text }) => text))
  const [before, mine, yours] = [texts(base), texts(ours), texts(theirs)]
  const all = [...ours.header.secrets, ...theirs.header.secrets.filter(({ text }) => !mine.has(text))]
  return all
    .filter(({ text }) => (mine.has(text) && yours.has(text)) || !before.has(text))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
}

const wrapForeign = async (
  foreign: readonly KeyEntry[],
  kept: SealedFile,
  { keys, ours }: MergeOptions,
): Promise<readonly KeyEntry[]> => {
  if (foreign.length === 0) return []
  const { id, dataKey } = kept.vault
  const renew = renewal(keys, foreign, { path: ours, id, dataKey, created: '', random: randomBytes })
  const renewed = await Promise.all(foreign.map(renew))
  const absent = foreign.filter((_, at) => renewed[at] === undefined).map(({ kid }) => kid)
  if (absent.length === 0) return renewed.filter((entry) => entry !== undefined)
  const message = `one side has a new data key, and keys of the other are not at hand to wrap it for: ${absent.join(', ')}`
  throw new ConfigError('ERR_CONFIG_NO_KEY', message)
}

/**
 * Merges two descendants of a configuration file, as a merge driver of git. Values are compared as they are opened, and all three files are verified before anything is.
 * @throws ConfigError `ERR_CONFIG_CONFLICT` for two files that are not one, and those of `openConfig`
 */
export const mergeConfigs = async (options: MergeOptions): Promise<Merge> => {
  refuseUnknown('mergeConfigs', options, ['base', 'ours', 'theirs', 'keys'])
  const sources = checkSources(options.keys)
  const ours = await openFile(options.ours, sources, undefined)
  const theirs = await openFile(options.theirs, sources, ours)
  const base = isEmpty(options.base) ? undefined : await openFile(options.base, sources, ours)
  if (ours.header.id !== theirs.header.id || (base && base.header.id !== ours.header.id)) {
    throw new ConfigError('ERR_CONFIG_CONFLICT', 'they are not versions of one file: each was made by itself')
  }
  const kept = keptOf(base, ours, theirs)
  const { root, conflicts } = mergeTrees(base?.content.root ?? {}, ours.content.root, theirs.content.root)
  const { keys, foreign } = mergeKeys(base, ours, theirs, kept)
  const header = {
    ...kept.header,
    rev: Math.max(ours.header.rev, theirs.header.rev),
    secrets: mergedPatterns(base, ours, theirs),
    keys: [...keys, ...(await wrapForeign(foreign, kept, options))],
  }
  if (header.keys.length === 0) {
    throw new ConfigError('ERR_CONFIG_CONFLICT', 'each side removed the keys that the other kept: none is left')
  }
  return { text: formatSealed(nextSealed(kept, { root, header })), conflicts }
}
