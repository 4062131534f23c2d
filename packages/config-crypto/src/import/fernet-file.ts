import type { FernetKey } from '../crypto/fernet.ts'
import { ConfigError, inFile } from '../errors.ts'
import { readConfigText } from '../files/config-file.ts'
import { revealTree } from '../format/tree.ts'
import { SealedLeaf } from '../format/leaf.ts'
import { checkSource, holderOf } from '../keys/holder.ts'
import { parseKeyText } from '../keys/key-text.ts'
import { runSync } from '../steps.ts'
import type { KeySource } from '../types.ts'
import type { Imported } from './imported.ts'
import { openLegacy } from './legacy.ts'

const textOf = (key: KeySource, path: string): string | undefined => {
  const holder = holderOf(checkSource(key))
  if (holder.kind === 'text') return runSync(holder.read({ path, kids: [] }))
  throw new ConfigError('ERR_CONFIG_KEY', `${JSON.stringify(key.source)} holds no Fernet key`)
}

const fernetKeyFrom = (key: KeySource | string, path: string): FernetKey => {
  const place = typeof key === 'string' ? 'the text given' : JSON.stringify(key.source)
  const text = typeof key === 'string' ? key : textOf(key, path)
  if (text === undefined) throw new ConfigError('ERR_CONFIG_NO_KEY', `there is no key in ${place}`)
  const [loaded] = parseKeyText(text, place)
  if (loaded?.kind === 'fernet') return loaded
  throw new ConfigError('ERR_CONFIG_KEY', `${place} holds a key of ours, and a Fernet file needs a Fernet key`)
}

/**
 * Reads a Fernet file whole and decrypts it: `encrypted_NAME` members are tokens of the Fernet specification (0x80), the others plain.
 * @param key where the bare Fernet key is (44 characters of base64url), or its text
 * @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_INTEGRITY`, `ERR_CONFIG_KEY`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_UNSAFE`
 */
export const importFernet = (path: string, key: KeySource | string): readonly Imported[] => {
  const fernetKey = fernetKeyFrom(key, path)
  const text = readConfigText(path)
  return inFile(path, () =>
    Object.entries(openLegacy(text, fernetKey)).map(([name, node]) => ({
      name,
      value: revealTree(node),
      sealed: node instanceof SealedLeaf,
    })),
  )
}
