import { runAsync, runSync } from '../steps.ts'
import type { Config, OpenOptions, Values } from '../types.ts'
import { configOf } from './config.ts'
import { checkPlace } from './place.ts'
import { startSession } from './session.ts'
import type { OutputOf, StandardSchema } from './standard-schema.ts'

/** What `get` returns by name. */
type Typed<S> = S extends StandardSchema ? OutputOf<S> : Values

/**
 * Opens a configuration file: reads it, verifies its MAC before anything is decrypted, and opens values when they are asked for. A bare Fernet key opens Fernet
 * files, a key of ours opens ours: the key decides.
 * @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_FORK`, `ERR_CONFIG_INTEGRITY`, `ERR_CONFIG_KEY`, `ERR_CONFIG_KEY_SOURCE`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_NO_KEY`,
 * `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_READ`, `ERR_CONFIG_ROLLBACK`, `ERR_CONFIG_SCHEMA`, `ERR_CONFIG_UNSAFE`, `ERR_CONFIG_VERSION`, `ERR_CONFIG_WRITE`
 */
export const openConfig = async <const S extends StandardSchema | undefined = undefined>(
  path: string,
  options: OpenOptions<S>,
): Promise<Config<Typed<S>>> => {
  const session = await runAsync(startSession(checkPlace(path, options)))
  return configOf(session) as Config<Typed<S>>
}

/** As `openConfig`, at once; not with a `kms` or a passphrase from the terminal, which can only be awaited. */
export const openConfigSync = <const S extends StandardSchema | undefined = undefined>(
  path: string,
  options: OpenOptions<S>,
): Config<Typed<S>> => {
  const session = runSync(startSession(checkPlace(path, options)))
  return configOf(session) as Config<Typed<S>>
}
