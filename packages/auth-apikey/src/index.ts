export { createApiKeys } from './api-keys.ts'
export { ApiKeyError, type ApiKeyErrorCode } from './errors.ts'
export { fileStore, migrateLegacy } from './file-store.ts'
export { formatKey, type ParsedKey, parseKey } from './key-format.ts'
export { isLegacyFile, type LegacyEntry, readLegacyKeys } from './legacy.ts'
export { memoryStore } from './memory-store.ts'
export type {
  ApiKeyRecord,
  ApiKeys,
  ApiKeysOptions,
  ApiKeyStore,
  CreateKeyOptions,
  ImportKeyOptions,
  InsertOutcome,
  MaybePromise,
  VerifyFailure,
  VerifyResult,
} from './types.ts'
