import { createSecretKey, type KeyObject } from 'node:crypto'
import { keyBytes, passphraseKidOf } from '../crypto/derive.ts'
import type { FernetKey } from '../crypto/fernet.ts'
import { deriveFromPassphrase } from '../crypto/scrypt.ts'
import { unwrapDataKey } from '../crypto/wrap.ts'
import { ConfigError } from '../errors.ts'
import type { Header } from '../format/header.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { type Steps, step } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { holderOf, type KmsHolder, type PassphraseHolder, quoted, type TextHolder, type Wanted } from './holder.ts'
import { type LoadedKey, parseKeyText, type SealingKey } from './key-text.ts'
import { kmsContext } from './kms.ts'
import { passphraseOf } from './passphrase.ts'

/** What was found without asking anybody. */
export interface QuietKeys {
  readonly sealing: readonly SealingKey[]
  readonly fernet: FernetKey | undefined
}

/** The data key, and the entry of the table that led to it. */
export interface Unlocked {
  readonly dataKey: KeyObject
  readonly kid: string
}

export const tampered = (): ConfigError =>
  new ConfigError('ERR_CONFIG_INTEGRITY', 'it was changed by someone without its key, or is damaged')

const isSealing = (key: LoadedKey): key is SealingKey => key.kind === 'sealing'

function* keysOf(holder: TextHolder, wanted: Wanted): Steps<readonly LoadedKey[]> {
  const text = yield* holder.read(wanted)
  return text === undefined ? [] : parseKeyText(text, holder.place)
}

/** The keys of all sources that can be read without asking. @throws ConfigError `ERR_CONFIG_KEY` for keys of both kinds together, and what reading throws */
export function* quietKeys(sources: readonly KeySource[], path: string): Steps<QuietKeys> {
  const found: LoadedKey[] = []
  for (const holder of sources.map(holderOf)) {
    if (holder.kind === 'raw') found.push(holder.key)
    else if (holder.kind === 'text' && holder.quiet) found.push(...(yield* keysOf(holder, { path, kids: [] })))
  }
  const sealing = found.filter(isSealing)
  const fernet = found.find((key) => key.kind === 'fernet')
  if (fernet && sealing.length > 0) {
    throw new ConfigError('ERR_CONFIG_KEY', 'keys of ours and Fernet keys together: name those of one kind')
  }
  return { sealing, fernet }
}

const unwrapWith = (keys: readonly SealingKey[], entries: readonly KeyEntry[], id: Buffer): Unlocked | undefined => {
  for (const { kid, kek } of keys) {
    const entry = entries.find((candidate) => candidate.kind === 'key' && candidate.kid === kid)
    if (!entry) continue
    const dataKey = unwrapDataKey({ kek, kid, id }, entry.wrapped)
    if (!dataKey) throw tampered()
    return { dataKey, kid }
  }
  return undefined
}

function* unwrapByPassphrase(
  { from }: PassphraseHolder,
  entries: readonly KeyEntry[],
  id: Buffer,
  path: string,
): Steps<Unlocked | undefined> {
  const ours = entries.filter((entry) => entry.kind === 'passphrase')
  if (ours.length === 0) return undefined
  const passphrase = yield* passphraseOf(from, { path, kids: ours.map(({ kid }) => kid) })
  if (passphrase === undefined) return undefined
  for (const { kid, kdf, wrapped } of ours) {
    const kek = yield* deriveFromPassphrase(passphrase, kdf)
    if (passphraseKidOf(kek) !== kid) continue
    const dataKey = unwrapDataKey({ kek, kid, id }, wrapped)
    if (!dataKey) throw tampered()
    return { dataKey, kid }
  }
  throw new ConfigError('ERR_CONFIG_NO_KEY', `the passphrase of ${from.place} is not one of its passphrases`)
}

function* unwrapByKms({ kms }: KmsHolder, entries: readonly KeyEntry[], header: Header): Steps<Unlocked | undefined> {
  const entry = entries.find(
    (candidate) => candidate.kind === 'kms' && candidate.provider === kms.provider && candidate.ref === kms.ref,
  )
  if (!entry) return undefined
  const wrapped = Buffer.from(entry.wrapped, 'base64url')
  const bytes = yield* step({ async: () => kms.unwrap(wrapped, kmsContext(header.id)) })
  if (!(bytes instanceof Uint8Array) || bytes.length !== keyBytes) throw tampered()
  const dataKey = createSecretKey(bytes)
  bytes.fill(0)
  return { dataKey, kid: entry.kid }
}

function* ask(source: KeySource, header: Header, id: Buffer, path: string): Steps<Unlocked | undefined> {
  const holder = holderOf(source)
  const entries = header.keys
  if (holder.kind === 'passphrase') return yield* unwrapByPassphrase(holder, entries, id, path)
  if (holder.kind === 'kms') return yield* unwrapByKms(holder, entries, header)
  if (holder.kind !== 'text' || holder.quiet) return undefined
  const kids = entries.filter(({ kind }) => kind === 'key').map(({ kid }) => kid)
  const keys = yield* keysOf(holder, { path, kids })
  if (!keys.every(isSealing)) {
    throw new ConfigError('ERR_CONFIG_KEY', `${quoted(source)} gave a Fernet key, and the file is a sealed one`)
  }
  return unwrapWith(keys, entries, id)
}

const noKey = (header: Header, sources: readonly KeySource[], cause: unknown): ConfigError => {
  const wanted = header.keys.map(({ kid }) => kid).join(', ')
  return new ConfigError('ERR_CONFIG_NO_KEY', `none of its keys (${wanted}) is in ${sources.map(quoted).join(', ')}`, {
    cause,
  })
}

/**
 * The data key of a file: by the first key at hand that stands in its table; where there is none, the other sources are asked in their order. One that fails does not
 * keep the next from being asked.
 * @throws ConfigError `ERR_CONFIG_INTEGRITY`, `ERR_CONFIG_NO_KEY`, or what the first source that failed said
 */
export function* unlock(
  header: Header,
  quiet: readonly SealingKey[],
  sources: readonly KeySource[],
  path: string,
): Steps<Unlocked> {
  const id = Buffer.from(header.id, 'base64url')
  const known = unwrapWith(quiet, header.keys, id)
  if (known) return known
  const failures: unknown[] = []
  for (const source of sources) {
    try {
      const found = yield* ask(source, header, id, path)
      if (found) return found
    } catch (error) {
      failures.push(error)
    }
  }
  throw failures[0] ?? noKey(header, sources, undefined)
}
