import type { KeyObject } from 'node:crypto'
import type { Random } from '../crypto/aead.ts'
import { passphraseKidOf } from '../crypto/derive.ts'
import { deriveFromPassphrase } from '../crypto/scrypt.ts'
import { wrapDataKey } from '../crypto/wrap.ts'
import { ConfigError } from '../errors.ts'
import { type KeyEntry, kdfSaltBytes, type ScryptParameters } from '../format/key-table.ts'
import { runAsync } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { holderOf, type KmsHolder, type PassphraseHolder, quoted, type TextHolder } from './holder.ts'
import { parseKeyText, type SealingKey } from './key-text.ts'
import { kmsContext, kmsKidOf } from './kms.ts'
import { assertLongEnough, passphraseOf } from './passphrase.ts'

/** The data key of which file, and what its new entry says. */
export interface Enrollment {
  readonly path: string
  readonly id: Buffer
  readonly dataKey: KeyObject
  readonly created: string
  readonly random: Random
}

const noKey = (source: KeySource): ConfigError =>
  new ConfigError('ERR_CONFIG_NO_KEY', `there is no key in ${quoted(source)}`)

const keyIn = async (source: KeySource, holder: TextHolder, path: string): Promise<SealingKey> => {
  const read = () => runAsync(holder.read({ path, kids: [] }))
  let text = await read()
  if (text === undefined && holder.create) {
    await holder.create()
    text = await read()
  }
  if (text === undefined) throw noKey(source)
  const [key] = parseKeyText(text, holder.place)
  if (key?.kind === 'sealing') return key
  throw new ConfigError('ERR_CONFIG_KEY', `${quoted(source)} holds a Fernet key, and a key of ours is needed`)
}

/** The entry of a key at hand. */
export const entryOf = ({ kid, kek }: SealingKey, { id, dataKey, created, random }: Enrollment): KeyEntry => ({
  kind: 'key',
  kid,
  created,
  wrapped: wrapDataKey({ kek, kid, id }, dataKey, random),
})

const passphraseEntry = async (
  source: KeySource,
  { from, cost }: PassphraseHolder,
  { path, id, dataKey, created, random }: Enrollment,
): Promise<KeyEntry> => {
  const passphrase = await runAsync(passphraseOf(from, { path, kids: [] }))
  if (passphrase === undefined) throw noKey(source)
  assertLongEnough(passphrase, from.place)
  const salt = random(kdfSaltBytes).toString('base64url')
  const kdf: ScryptParameters = { name: 'scrypt', N: 2 ** cost, r: 8, p: 1, salt }
  const kek = await runAsync(deriveFromPassphrase(passphrase, kdf))
  const kid = passphraseKidOf(kek)
  return { kind: 'passphrase', kid, created, kdf, wrapped: wrapDataKey({ kek, kid, id }, dataKey, random) }
}

export const kmsEntry = async ({ kms }: KmsHolder, { id, dataKey, created }: Enrollment): Promise<KeyEntry> => {
  const bytes = dataKey.export()
  const wrapped = await kms.wrap(bytes, kmsContext(id.toString('base64url')))
  bytes.fill(0)
  if (!(wrapped instanceof Uint8Array) || wrapped.length === 0 || wrapped.length > 8192) {
    throw new ConfigError('ERR_CONFIG_KEY_SOURCE', 'a key service wrapped the data key in nothing usable')
  }
  const { provider, ref } = kms
  return {
    kind: 'kms',
    kid: kmsKidOf(kms),
    created,
    provider,
    ref,
    wrapped: Buffer.from(wrapped).toString('base64url'),
  }
}

/** A new entry of a key table. The key file of a `file:` source is made where it is absent, durable and read again before this returns. */
export const enroll = async (source: KeySource, enrollment: Enrollment): Promise<KeyEntry> => {
  const holder = holderOf(source)
  switch (holder.kind) {
    case 'raw':
      return entryOf(holder.key, enrollment)
    case 'text':
      return entryOf(await keyIn(source, holder, enrollment.path), enrollment)
    case 'passphrase':
      return passphraseEntry(source, holder, enrollment)
    case 'kms':
      return kmsEntry(holder, enrollment)
  }
}
