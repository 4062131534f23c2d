import type { KeyEntry } from '../format/key-table.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'

/** The key table of two descendants of one. */
export interface MergedKeys {
  readonly keys: readonly KeyEntry[]
  /** Entries whose data key is not the one that was kept: they must be wrapped anew. */
  readonly foreign: readonly KeyEntry[]
}

const kidsOf = ({ header }: SealedFile): ReadonlySet<string> => new Set(header.keys.map(({ kid }) => kid))

const entryOf = (file: SealedFile | undefined, kid: string): KeyEntry | undefined =>
  file?.header.keys.find((entry) => entry.kid === kid)

const isSame = (a: KeyEntry | undefined, b: KeyEntry | undefined): boolean => JSON.stringify(a) === JSON.stringify(b)

/** A key that one side added is there, one that a side removed is not. `kept`: the side whose data key the merged file has. */
export const mergeKeys = (
  base: SealedFile | undefined,
  ours: SealedFile,
  theirs: SealedFile,
  kept: SealedFile,
): MergedKeys => {
  const [ourKids, theirKids] = [kidsOf(ours), kidsOf(theirs)]
  const stays = (kid: string): boolean => {
    if (ourKids.has(kid) && theirKids.has(kid)) return true
    return entryOf(base, kid) === undefined
  }
  const kids = [...new Set([...ourKids, ...theirKids])].filter(stays)
  const keys: KeyEntry[] = []
  const foreign: KeyEntry[] = []
  const other = kept === ours ? theirs : ours
  for (const kid of kids) {
    const [mine, yours, before] = [entryOf(kept, kid), entryOf(other, kid), entryOf(base, kid)]
    const sameDataKey = other.vault.dataKey.equals(kept.vault.dataKey)
    if (mine === undefined && yours) (sameDataKey ? keys : foreign).push(yours)
    else if (mine) keys.push(sameDataKey && yours && isSame(mine, before) ? yours : mine)
  }
  return { keys, foreign }
}
