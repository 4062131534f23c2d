import { createHash, createSecretKey } from 'node:crypto'
import { derive, kidOf, passphraseKidOf } from '../src/crypto/derive.ts'
import { deriveFromPassphrase } from '../src/crypto/scrypt.ts'
import { Vault } from '../src/crypto/vault.ts'
import { newDataKey, wrapDataKey } from '../src/crypto/wrap.ts'
import { writeAuthenticated } from '../src/format/document.ts'
import type { KeyEntry, ScryptParameters } from '../src/format/key-table.ts'
import type { Tree } from '../src/format/leaf.ts'
import { parsePattern } from '../src/format/patterns.ts'
import { storedTree } from '../src/format/tree.ts'
import { firstSealed, formatSealed, nextSealed } from '../src/sealed/next.ts'
import type { SealedFile } from '../src/sealed/sealed-file.ts'
import { runSync } from '../src/steps.ts'
import type { JsonValue } from '../src/types.ts'

/** Bytes 0, 1, 2, ...: never used but here. */
const counting = () => {
  let next = 0
  return (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => next++ % 256))
}

const day = '2026-11-22'
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const kekBytes = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
export const passphrase = 'correct horse battery stäple'

const values = {
  api_key: 'sk-test-1234',
  database: { user: 'app', password: 'pé😀', ports: [5432, 5433.5], tls: null },
  host: '127.0.0.1',
  providers: [
    { name: 'a', apiKey: 'key of a' },
    { name: 'b/c~d', apiKey: 'key of b' },
  ],
  limits: { burst: false, perMinute: -0.25, ﬀ: 1, '😀': 2 },
} satisfies Record<string, JsonValue>

interface KnownFile {
  readonly name: string
  readonly keys: Record<string, string>
  readonly text: string
  readonly values: JsonValue
}

const describe = (name: string, file: SealedFile, keys: Record<string, string>, expected: JsonValue): KnownFile => {
  const { id, dataKey } = file.vault
  const hash = createHash('sha256')
  writeAuthenticated(file.header, storedTree(file.content.root), (bytes) => hash.update(bytes, 'latin1'))
  return {
    name,
    keys: {
      ...keys,
      dataKey: hex(dataKey.export()),
      valueKey: hex(derive(dataKey, id, 'values')),
      macKey: hex(derive(dataKey, id, 'mac')),
      macInputSha256: hex(hash.digest()),
    },
    text: formatSealed(file),
    values: expected,
  }
}

const oneKey = (): KnownFile => {
  const random = counting()
  const vault = new Vault(newDataKey(random), random(16))
  const kek = createSecretKey(kekBytes)
  const kid = kidOf(kek)
  const wrapped = wrapDataKey({ kek, kid, id: vault.id }, vault.dataKey, random)
  const entry: KeyEntry = { kind: 'key', kid, created: day, wrapped }
  const secrets = ['/api_key', '/providers/*/apiKey'].map(parsePattern).filter((pattern) => pattern !== undefined)
  const empty = firstSealed({ dataKeyFrom: day, secrets, keys: [entry] }, vault, kid)
  const sealed = (pointer: string, value: JsonValue): Tree => vault.seal(pointer, day, value, random)
  const root: Tree = {
    ...values,
    api_key: sealed('/api_key', values.api_key),
    database: sealed('/database', values.database),
    providers: values.providers.map((provider, at) => ({
      ...provider,
      apiKey: sealed(`/providers/${at}/apiKey`, provider.apiKey),
    })),
  }
  const keys = { kek: hex(kekBytes), kid, wrappingKey: hex(derive(kek, vault.id, 'wrap')) }
  return describe('a key', nextSealed(empty, { root }, random), keys, values)
}

const ofPassphrase = (): KnownFile => {
  const random = counting()
  const vault = new Vault(newDataKey(random), random(16))
  const { id, dataKey } = vault
  const kdf: ScryptParameters = { name: 'scrypt', N: 2 ** 14, r: 8, p: 1, salt: random(16).toString('base64url') }
  const kek = runSync(deriveFromPassphrase(passphrase, kdf))
  const kid = passphraseKidOf(kek)
  const other = createSecretKey(kekBytes)
  const entries: KeyEntry[] = [
    { kind: 'passphrase', kid, created: day, kdf, wrapped: wrapDataKey({ kek, kid, id }, dataKey, random) },
    {
      kind: 'key',
      kid: 'named-by-hand',
      created: '2026-01-02',
      retires: '2026-12-22',
      wrapped: wrapDataKey({ kek: other, kid: 'named-by-hand', id }, dataKey, random),
    },
    { kind: 'kms', kid: 'kms_0123456789abcdef', created: day, provider: 'vault', ref: 'transit/app', wrapped: 'AAEC' },
  ]
  const empty = firstSealed({ dataKeyFrom: day, secrets: [], keys: entries }, vault, kid)
  const root: Tree = { token: vault.seal('/token', '2026-11-01', 'x', random) }
  const keys = { passphrase, kek: hex(kek.export()), kid, graceKek: hex(kekBytes), graceKid: 'named-by-hand' }
  return describe('a passphrase, a grace key, a key service', nextSealed(empty, { root }, random), keys, { token: 'x' })
}

const refusals = (text: string): { readonly name: string; readonly code: string; readonly text: string }[] => {
  const file = JSON.parse(text)
  const edited = (name: string, code: string, edit: (copy: typeof file) => void) => {
    const copy = structuredClone(file)
    edit(copy)
    return { name, code, text: `${JSON.stringify(copy, null, 2)}\n` }
  }
  return [
    edited('two sealed values exchanged', 'ERR_CONFIG_INTEGRITY', ({ config }) => {
      ;[config.api_key, config.database] = [config.database, config.api_key]
    }),
    edited('a list reordered', 'ERR_CONFIG_INTEGRITY', ({ config }) => {
      config.providers = config.providers.toReversed()
    }),
    edited('a number that is a text', 'ERR_CONFIG_INTEGRITY', ({ config }) => (config.limits.perMinute = '-0.25')),
    edited('a member with null for an absent one', 'ERR_CONFIG_INTEGRITY', ({ config }) => (config.extra = null)),
    edited('a day of a value changed', 'ERR_CONFIG_INTEGRITY', ({ config }) => {
      config.api_key = config.api_key.replace(day, '2026-11-23')
    }),
    edited('a revision changed', 'ERR_CONFIG_INTEGRITY', ({ sealed }) => sealed.rev--),
    edited('a pattern removed', 'ERR_CONFIG_INTEGRITY', ({ sealed }) => sealed.secrets.pop()),
    edited('a wrapped key changed', 'ERR_CONFIG_INTEGRITY', ({ sealed }) => {
      sealed.keys[0].wrapped = `B${sealed.keys[0].wrapped.slice(1)}`
    }),
    edited('a plain value where a sealed one must be', 'ERR_CONFIG_MALFORMED', ({ config }) => (config.api_key = 'x')),
    edited('a plain item where a sealed one must be', 'ERR_CONFIG_MALFORMED', ({ config }) => {
      config.providers[1].apiKey = 'x'
    }),
    edited('an unknown prefix', 'ERR_CONFIG_MALFORMED', ({ config }) => (config.host = 'enc:v2:x')),
    edited('an unknown member', 'ERR_CONFIG_MALFORMED', ({ sealed }) => (sealed.extra = 1)),
    edited('another version', 'ERR_CONFIG_VERSION', ({ sealed }) => (sealed.v = 2)),
    edited('another cipher', 'ERR_CONFIG_VERSION', ({ sealed }) => (sealed.aead = 'A256CBC')),
    edited('another key', 'ERR_CONFIG_NO_KEY', ({ sealed }) => (sealed.keys[0].kid = '0000000000000000')),
    {
      name: 'a repeated member',
      code: 'ERR_CONFIG_MALFORMED',
      text: text.replace('"host": "127.0.0.1"', '"host": "127.0.0.1",\n    "host": "127.0.0.1"'),
    },
  ]
}

/** All of them, as `docs/sealed-config/known-answers.json` has them. */
export const knownAnswers = () => {
  const files = [oneKey(), ofPassphrase()]
  return { format: 'sealed configuration files, version 1', files, refused: refusals(files[0]?.text ?? '') }
}
