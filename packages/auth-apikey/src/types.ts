import type { Principal } from '@portcullis/authz'

/** A key as it is kept: everything but the key itself. Frozen; a change makes a new record with the next `rev`. */
export interface ApiKeyRecord {
  /** Twelve base62 characters that stand in the key's text, or `imp-...` derived from an imported key's digest. */
  readonly id: string
  /** Unique among the keys that are not revoked. */
  readonly name: string
  /** SHA-256 of the whole key text, base64url. */
  readonly hash: string
  readonly alg: 'sha256'
  /** Empty for an imported key of another format, as `env` is. */
  readonly prefix: string
  readonly env: string
  /** The last four characters of the text, to recognise a key by; empty for an imported key shorter than 24. */
  readonly last4: string
  readonly grants: readonly string[]
  readonly status: 'active' | 'revoked'
  readonly createdAtMs: number
  readonly notBeforeMs?: number
  /** `null`: never. */
  readonly expiresAtMs: number | null
  readonly revokedAtMs?: number
  readonly revokedReason?: string
  readonly owner?: string
  readonly tenant?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Where an imported key came from. */
  readonly origin?: string
  /** What stays the same when a key is replaced by its successor; the principal is named after it. */
  readonly family: string
  /** From 1, one more with every change. */
  readonly rev: number
}

export type MaybePromise<T> = T | Promise<T>

/** What an insertion ran into, if anything. */
export type InsertOutcome = 'inserted' | 'id_taken' | 'name_taken' | 'family_taken'

/**
 * Where records are kept. Records it returns are frozen, and the same object as long as the record does not change.
 * Throws ApiKeyError `ERR_APIKEY_STORE` or `ERR_APIKEY_LOCKED` when it cannot answer: never "not found" instead.
 */
export interface ApiKeyStore {
  /** Part of every principal's id; two stores of one program need different labels. */
  readonly label: string
  get(id: string): MaybePromise<ApiKeyRecord | undefined>
  /** By id, else by the name of a key that is not revoked, else the newest revoked key of that name. */
  find(idOrName: string): MaybePromise<ApiKeyRecord | undefined>
  list(): MaybePromise<readonly ApiKeyRecord[]>
  /** For stores that answer from a copy: looks now for what other processes have changed. Called for keys that are not known. */
  refresh?(): void
  /** Adds a record whose id, name (among keys not revoked) and family are new. */
  insert(record: ApiKeyRecord): Promise<InsertOutcome>
  /** Replaces the record of the same id if its `rev` is still `expectedRev`; else `false`. */
  replace(record: ApiKeyRecord, expectedRev: number): Promise<boolean>
}

export interface CreateKeyOptions {
  /** 1 to 128 printable characters, unique among the keys that are not revoked. */
  readonly name: string
  /** Lines of the grant grammar of `@portcullis/authz`; `[]` may do nothing. */
  readonly grants: readonly string[]
  /** Milliseconds since the epoch, in the future; default `null`: never. */
  readonly expiresAtMs?: number | null
  readonly owner?: string
  readonly tenant?: string
  readonly metadata?: Readonly<Record<string, string>>
}

export interface ImportKeyOptions {
  readonly name: string
  /** 1 to 4,096 visible ASCII characters; how strong it is, is for whoever issued it. */
  readonly key: string
  readonly grants: readonly string[]
  /** Where it came from, for people; default `import`. */
  readonly origin?: string
}

export type VerifyFailure = 'malformed' | 'unknown' | 'revoked' | 'expired' | 'not_yet_valid'

export type VerifyResult =
  | { readonly ok: true; readonly principal: Principal; readonly record: ApiKeyRecord }
  | { readonly ok: false; readonly reason: VerifyFailure }

export interface ApiKeysOptions {
  readonly store: ApiKeyStore
  /** What new keys begin with and `looksLikeKey` looks for: 2 to 16 of `[a-z0-9_]`. Default `pck`. */
  readonly prefix?: string
  /** The second word of new keys: 1 to 16 of `[a-z]`. Default `live`. */
  readonly env?: string
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly clock?: () => number
  /** Cryptographically strong bytes; default `crypto.randomBytes`. */
  readonly random?: (size: number) => Uint8Array
}

export interface ApiKeys {
  /** Issues a key; its text is in the answer and nowhere else. Throws `ERR_APIKEY_GRANT`, `ERR_APIKEY_EXISTS`, `ERR_APIKEY_OPTION`. */
  create(options: CreateKeyOptions): Promise<{ readonly key: string; readonly record: ApiKeyRecord }>
  /**
   * Who a key belongs to; a refusal is a value. Text over 4,096 characters is `malformed`. Synchronous when the store is (memory and file are). The same frozen result is returned as long as the
   * record does not change, so `principal.authenticatedAtMs` is the time of the first verification of that revision by this object.
   */
  verify(text: string, context?: { readonly address?: string }): MaybePromise<VerifyResult>
  /** Whether a text has the shape of a key with this prefix, whatever its checksum: such text is never handed to anyone else. */
  looksLikeKey(text: string): boolean
  get(idOrName: string): Promise<ApiKeyRecord | undefined>
  /** Every record, oldest first. */
  list(): Promise<readonly ApiKeyRecord[]>
  /** Refuses a key from now on; revoking twice changes nothing. Throws `ERR_APIKEY_NOT_FOUND`. */
  revoke(idOrName: string, options?: { readonly reason?: string }): Promise<ApiKeyRecord>
  /** Takes over a key that others issued; only its hash is kept. Throws `ERR_APIKEY_FORMAT` besides what `create` throws. */
  importPlain(options: ImportKeyOptions): Promise<ApiKeyRecord>
}
