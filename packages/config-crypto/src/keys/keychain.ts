import { reasonOf } from '@portcullis-internal/files'
import { ConfigError } from '../errors.ts'
import { type Steps, step } from '../steps.ts'
import type { Keychain } from '../types.ts'
import type { TextHolder } from './holder.ts'

interface KeyringModule {
  readonly Entry: new (service: string, account: string) => { getPassword(): string | null | undefined }
}

/** Where the module may be installed: beside this package, or beside the program, where strict package managers put what the program itself depends on. */
const loadModule = (): KeyringModule => {
  const { createRequire } = process.getBuiltinModule('node:module')
  const places = [import.meta.url, ...(process.argv[1] === undefined ? [] : [process.argv[1]])]
  let failure: unknown
  for (const place of places) {
    try {
      return createRequire(place)('@napi-rs/keyring') as KeyringModule
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}

/** The keychain of macOS, the Credential Manager of Windows, the Secret Service of Linux, through `@napi-rs/keyring` where the user installed it. */
const platformKeychain = (): Keychain => {
  let module: KeyringModule
  try {
    module = loadModule()
  } catch (cause) {
    throw new ConfigError('ERR_CONFIG_KEY_SOURCE', 'a keychain is read through @napi-rs/keyring: install it', { cause })
  }
  return { getPassword: (service, account) => new module.Entry(service, account).getPassword() ?? undefined }
}

export const keychainText = (service: string, account: string, keychain: Keychain | undefined): TextHolder => {
  const place = `keychain entry ${JSON.stringify(`${service}/${account}`)}`
  const read = (): string | undefined => {
    const from = keychain ?? platformKeychain()
    try {
      return from.getPassword(service, account) ?? undefined
    } catch (cause) {
      throw new ConfigError('ERR_CONFIG_KEY_SOURCE', `${place} cannot be read: ${reasonOf(cause)}`, { cause })
    }
  }
  return { kind: 'text', place, quiet: false, read: (): Steps<string | undefined> => step({ sync: read, async: read }) }
}
