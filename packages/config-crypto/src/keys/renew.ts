import type { KeyObject } from 'node:crypto'
import { passphraseKidOf } from '../crypto/derive.ts'
import { deriveFromPassphrase } from '../crypto/scrypt.ts'
import { wrapDataKey } from '../crypto/wrap.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { runAsync } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { type Enrollment, kmsEntry } from './enroll.ts'
import { type Holder, holderOf, type PassphraseHolder, type TextHolder } from './holder.ts'
import { parseKeyText, type SealingKey } from './key-text.ts'
import { passphraseOf } from './passphrase.ts'

/** The keys of ours in a text. */
export const sealingKeysIn = async (holder: TextHolder, path: string, kids: readonly string[]) => {
  const text = await runAsync(holder.read({ path, kids }))
  const keys = text === undefined ? [] : parseKeyText(text, holder.place)
  return keys.filter((key): key is SealingKey => key.kind === 'sealing')
}

const keyEncryptionKeyOf = async (
  { from }: PassphraseHolder,
  entry: Extract<KeyEntry, { kind: 'passphrase' }>,
  path: string,
): Promise<KeyObject | undefined> => {
  const passphrase = await runAsync(passphraseOf(from, { path, kids: [entry.kid] }))
  if (passphrase === undefined) return undefined
  const kek = await runAsync(deriveFromPassphrase(passphrase, entry.kdf))
  return passphraseKidOf(kek) === entry.kid ? kek : undefined
}

const keysOf = async (holder: Holder, path: string, kids: readonly string[]): Promise<readonly SealingKey[]> => {
  if (holder.kind === 'raw') return [holder.key]
  return holder.kind === 'text' ? sealingKeysIn(holder, path, kids) : []
}

/**
 * Wraps another data key for the keys that a table has, by the sources at hand. Each source is asked at most once for its keys. `undefined` for an entry that no source
 * has the key of. What an entry says beside its data key stays.
 */
export const renewal = (sources: readonly KeySource[], entries: readonly KeyEntry[], enrollment: Enrollment) => {
  const { path, id, dataKey, random } = enrollment
  const holders = sources.map(holderOf)
  const kids = entries.map(({ kid }) => kid)
  const loaded = new Map<Holder, Promise<readonly SealingKey[]>>()
  const keys = (holder: Holder): Promise<readonly SealingKey[]> => {
    const before = loaded.get(holder) ?? keysOf(holder, path, kids)
    loaded.set(holder, before)
    return before
  }

  const kekOf = async (entry: KeyEntry): Promise<KeyObject | undefined> => {
    for (const holder of holders) {
      if (entry.kind === 'key') {
        const key = (await keys(holder)).find(({ kid }) => kid === entry.kid)
        if (key) return key.kek
      } else if (entry.kind === 'passphrase' && holder.kind === 'passphrase') {
        const kek = await keyEncryptionKeyOf(holder, entry, path)
        if (kek) return kek
      }
    }
    return undefined
  }

  return async (entry: KeyEntry): Promise<KeyEntry | undefined> => {
    if (entry.kind === 'kms') {
      const holder = holders.find(
        (each) => each.kind === 'kms' && each.kms.provider === entry.provider && each.kms.ref === entry.ref,
      )
      if (holder?.kind !== 'kms') return undefined
      return { ...entry, wrapped: (await kmsEntry(holder, enrollment)).wrapped }
    }
    const kek = await kekOf(entry)
    return kek && { ...entry, wrapped: wrapDataKey({ kek, kid: entry.kid, id }, dataKey, random) }
  }
}
