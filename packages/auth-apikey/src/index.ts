export { createApiKeys } from './api-keys.ts'
export { ApiKeyError, type ApiKeyErrorCode } from './errors.ts'
export { type FileKeyStore, fileStore, migrateLegacy } from './file-store.ts'
export { formatKey, type ParsedKey, parseKey } from './key-format.ts'
export { isLegacyFile, type LegacyEntry, readLegacyKeys } from './legacy.ts'
export { memoryStore } from './memory-store.ts'
export type {
  ApiKeyRecord,
  ApiKeys,
  ApiKeysOptions,
  ApiKeysEvent,
  ApiKeyStore,
  Change,
  ChildKeyOptions,
  CommitOutcome,
  CreateKeyOptions,
  ImportHashOptions,
  ImportKeyOptions,
  IssuedKey,
  KeyPatch,
  KeySelection,
  KeySettings,
  MaybePromise,
  Pepper,
  Replacement,
  RotateOptions,
  VerifyContext,
  VerifyFailure,
  VerifyResult,
} from './types.ts'
