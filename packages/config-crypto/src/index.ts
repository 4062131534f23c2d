export { createConfig } from './config/create.ts'
export { openConfig, openConfigSync } from './config/open.ts'
export { ConfigError, type ConfigErrorCode } from './errors.ts'
export { type Merge, mergeConfigs, type MergeOptions } from './git/merge.ts'
export { textconv } from './git/textconv.ts'
export { generateKey } from './keys/key-text.ts'
export { keys } from './keys/keys.ts'
export { importDotenv } from './import/dotenv.ts'
export { importFernet } from './import/fernet-file.ts'
export type { Imported } from './import/imported.ts'
export { importJson } from './import/json-file.ts'
export type {
  Config,
  ConfigEvent,
  CreateOptions,
  Draft,
  JsonValue,
  Keychain,
  KeyInfo,
  KeySource,
  Kms,
  OpenOptions,
  RotateKeyOptions,
  Rotation,
  Secret,
  StaleReport,
} from './types.ts'
