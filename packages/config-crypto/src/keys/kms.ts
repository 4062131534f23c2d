import { createHash } from 'node:crypto'
import { reasonOf } from '@portcullis-internal/files'
import { ConfigError, optionsError } from '../errors.ts'
import { providerSyntax, refSyntax } from '../format/key-table.ts'
import type { Kms } from '../types.ts'

/** What a wrapped data key is bound to, where the service can bind it: encryption context, additional data, derivation context. */
export const kmsContext = (id: string): Readonly<Record<string, string>> => ({ 'portcullis:config': id })

/** The same service and key have the same kid in every file. */
export const kmsKidOf = ({ provider, ref }: Pick<Kms, 'provider' | 'ref'>): string =>
  `kms_${createHash('sha256').update(`${provider}\0${ref}`).digest('hex').slice(0, 16)}`

const failing = async <T>(kms: Kms, call: () => Promise<T>): Promise<T> => {
  try {
    return await call()
  } catch (cause) {
    const name = JSON.stringify(`${kms.provider}:${kms.ref}`)
    throw new ConfigError('ERR_CONFIG_KEY_SOURCE', `the key service ${name} failed: ${reasonOf(cause)}`, { cause })
  }
}

/** The port as this package calls it: what it throws becomes an error of ours. */
export const checkKms = (kms: Kms): Kms => {
  if (typeof kms !== 'object' || kms === null) throw optionsError('keys.kms takes an object')
  const { provider, ref } = kms
  if (typeof provider !== 'string' || !providerSyntax.test(provider)) {
    throw optionsError('keys.kms: provider is 1 to 32 of a-z 0-9 -')
  }
  if (typeof ref !== 'string' || !refSyntax.test(ref)) throw optionsError('keys.kms: ref is the name of a key')
  if (typeof kms.wrap !== 'function' || typeof kms.unwrap !== 'function') {
    throw optionsError('keys.kms: wrap and unwrap must be functions')
  }
  return {
    provider,
    ref,
    wrap: (dataKey, context) => failing(kms, async () => kms.wrap(dataKey, context)),
    unwrap: (wrapped, context) => failing(kms, async () => kms.unwrap(wrapped, context)),
  }
}
