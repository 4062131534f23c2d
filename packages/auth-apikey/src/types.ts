import type { Principal, PrincipalLimit } from '@portcullis/authz'

/** A key as it is kept: everything but the key itself. Frozen; a change makes a new record with the next `rev`. */
export interface ApiKeyRecord {
  /** Twelve base62 characters that stand in the key's text, or `imp-...` derived from an imported key's digest. */
  readonly id: string
  /** Unique among the keys that are neither revoked nor replaced. */
  readonly name: string
  /** SHA-256 of the whole key text, or its HMAC-SHA-256 under a pepper; base64url. */
  readonly hash: string
  readonly alg: 'sha256' | 'hmac-sha256'
  /** With `hmac-sha256`: under which pepper. */
  readonly pepperId?: string
  /** Empty for an imported key of another format, as `env` is. */
  readonly prefix: string
  readonly env: string
  /** The last four characters of the text, to recognise a key by; empty for an imported key shorter than 24, or known by its hash alone. */
  readonly last4: string
  readonly grants: readonly string[]
  readonly status: 'active' | 'disabled' | 'revoked'
  readonly createdAtMs: number
  readonly notBeforeMs?: number
  /** `null`: never. */
  readonly expiresAtMs: number | null
  readonly disabledAtMs?: number
  readonly disabledReason?: string
  readonly revokedAtMs?: number
  readonly revokedReason?: string
  readonly owner?: string
  readonly tenant?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Limits of its own, in place of those of all API keys. */
  readonly limits?: readonly PrincipalLimit[]
  /** Networks that it may come from, if not from everywhere, and those that it may not: canonical CIDR texts, a deny wins. */
  readonly allowedAddresses?: readonly string[]
  readonly deniedAddresses?: readonly string[]
  /** Where it is good, if not everywhere: compared with what `verify` is told. */
  readonly audiences?: readonly string[]
  /** Where an imported key came from. */
  readonly origin?: string
  /** What stays the same when a key is replaced by its successor; the principal is named after it. */
  readonly family: string
  /** Id of the key that this one takes the place of. */
  readonly replaces?: string
  /** What ends a key that was rotated. */
  readonly replaced?: Replacement
  /** Id of the key that issued this one: it may do what both may, and dies with it. */
  readonly parent?: string
  /** From 1, one more with every change. */
  readonly rev: number
}

export interface Replacement {
  /** Id of the successor. */
  readonly by: string
  /** From then on it is refused; 0: it was ended at once. */
  readonly atMs: number
  /** Refused from the successor's first use, if that is earlier. */
  readonly onUse?: true
}

export type MaybePromise<T> = T | Promise<T>

/** A part of what is changed at once. `maxSiblings`: how many live keys its parent may have issued. */
export type Change =
  | { readonly insert: ApiKeyRecord; readonly maxSiblings?: number }
  | { readonly replace: ApiKeyRecord; readonly expectedRev: number }

/** What a commit ran into, if anything. `changed`: a record is not of the revision that was expected. */
export type CommitOutcome = 'done' | 'changed' | 'id_taken' | 'name_taken' | 'family_taken' | 'too_many_siblings'

/**
 * Where records are kept. Records it returns are frozen, and the same object as long as the record does not change.
 * Throws ApiKeyError `ERR_APIKEY_STORE` or `ERR_APIKEY_LOCKED` when it cannot answer: never "not found" instead.
 */
export interface ApiKeyStore {
  /** Part of every principal's id; two stores of one program need different labels. */
  readonly label: string
  get(id: string): MaybePromise<ApiKeyRecord | undefined>
  /** By id, else by the name of a key that is neither revoked nor replaced, else the newest of that name. */
  find(idOrName: string): MaybePromise<ApiKeyRecord | undefined>
  list(): MaybePromise<readonly ApiKeyRecord[]>
  /** Something that is the same (`===`) as long as no record has changed; `undefined` while that cannot be told. Throws as `get` does. */
  stamp?(): unknown
  /** For stores that answer from a copy: looks now for what other processes have changed. Called for keys that are not known. */
  refresh?(): void
  /**
   * Makes all changes, in their order, or none. A new record's id, name (among keys neither revoked nor replaced) and family must be new, unless it replaces one of that family.
   * A replacement is for the record of the same id.
   */
  commit(changes: readonly Change[]): Promise<CommitOutcome>
  /** Remembers when keys were last used (milliseconds since the epoch by id), apart from the records. */
  touch?(uses: ReadonlyMap<string, number>): Promise<void>
  lastUses?(): MaybePromise<ReadonlyMap<string, number>>
}

/** What can be said of a key when it is made, and changed later. Texts for people: 1 to 128 printable characters. */
export interface KeySettings {
  /** Lines of the grant grammar of `@portcullis/authz`; `[]` may do nothing. */
  readonly grants: readonly string[]
  /** Milliseconds since the epoch, in the future; `null`: never. */
  readonly expiresAtMs?: number | null
  /** Not valid before. */
  readonly notBeforeMs?: number
  readonly owner?: string
  /** At most 32 names (64 characters) with printable values (512 characters). */
  readonly metadata?: Readonly<Record<string, string>>
  /** 1 to 4 limits of its own, in place of those of all API keys. */
  readonly limits?: readonly PrincipalLimit[]
  /** 1 to 256 networks in CIDR notation or addresses, IPv4 or IPv6; mapped addresses count as IPv4. A key with networks is refused where no address is known. */
  readonly allowedAddresses?: readonly string[]
  readonly deniedAddresses?: readonly string[]
  /** 1 to 32 texts; a key with audiences is refused where `verify` is told none of them. */
  readonly audiences?: readonly string[]
}

export interface CreateKeyOptions extends KeySettings {
  /** Unique among the keys that are neither revoked nor replaced. */
  readonly name: string
  /** Part of the principal's id; cannot be changed later. */
  readonly tenant?: string
}

export interface ImportKeyOptions extends CreateKeyOptions {
  /** 1 to 4,096 visible ASCII characters; how strong it is, is for whoever issued it. */
  readonly key: string
  /** Where it came from, for people; default `import`. */
  readonly origin?: string
}

export interface ImportHashOptions extends CreateKeyOptions {
  /** SHA-256 of the whole key text as 32 bytes in hex, base64 or base64url. */
  readonly hash: string
  /** Where it came from, for people; default `import`. */
  readonly origin?: string
}

/** What is changed; `null` takes a setting away (`expiresAtMs: null`: never expires). */
export type KeyPatch = {
  readonly [Field in Exclude<keyof KeySettings, 'grants'>]?: KeySettings[Field] | null
} & { readonly name?: string; readonly grants?: readonly string[] }

export interface RotateOptions {
  /** How long the old key stays good, 0 (it has leaked) to 366 days; never beyond its own expiry. Default 24 hours. */
  readonly overlapMs?: number
  /** `first_use`: the old key ends as soon as the new one is used, at the latest after the overlap. Default `deadline`. */
  readonly until?: 'deadline' | 'first_use'
}

export interface ChildKeyOptions extends Omit<CreateKeyOptions, 'owner' | 'tenant' | 'limits'> {
  /** A minute or more from now, at most the parent's own end. Default one hour, or less if the parent ends before. */
  readonly expiresAtMs?: number
}

/** Whose keys: of an owner, a tenant, or an owner within a tenant. */
export type KeySelection =
  | { readonly owner: string; readonly tenant?: string }
  | { readonly tenant: string; readonly owner?: string }

/**
 * Why a key was refused. `rotated`: its successor has taken its place. `parent`: the key that issued it is no longer good, or not from here.
 */
export type VerifyFailure =
  | 'malformed'
  | 'unknown'
  | 'revoked'
  | 'disabled'
  | 'rotated'
  | 'expired'
  | 'not_yet_valid'
  | 'parent'
  | 'wrong_audience'
  | 'wrong_address'

export type VerifyResult =
  | { readonly ok: true; readonly principal: Principal; readonly record: ApiKeyRecord }
  | { readonly ok: false; readonly reason: VerifyFailure }

export interface VerifyContext {
  /** The client's address, where it is known. */
  readonly address?: string
  /** What the server is known as: one of a key's audiences must be among these. */
  readonly audience?: string | readonly string[]
}

/** 32 secret bytes or more that a store does not hold, and what records call them (1 to 32 of `[A-Za-z0-9_-]`). */
export interface Pepper {
  readonly id: string
  readonly key: Uint8Array
}

export type ApiKeysEvent =
  /** When keys were last used could not be written; it is kept and tried again. */
  | { readonly type: 'last_use_failed'; readonly keys: number; readonly error: unknown }
  /** A key whose successor was used could not be ended in the store; here it is, and it is tried again. */
  | { readonly type: 'retirement_failed'; readonly id: string; readonly error: unknown }

export interface ApiKeysOptions {
  readonly store: ApiKeyStore
  /** What new keys begin with and `looksLikeKey` looks for: 2 to 16 of `[a-z0-9_]`. Default `pck`. */
  readonly prefix?: string
  /** The second word of new keys: 1 to 16 of `[a-z]`. Default `live`. */
  readonly env?: string
  /** New keys are kept as HMAC-SHA-256 under the first; the others are for keys made before. Default none: SHA-256. */
  readonly peppers?: readonly Pepper[]
  /** How long a key lives that was made without `expiresAtMs`, 1 ms to 10 years. Default 90 days. */
  readonly defaultLifetimeMs?: number
  /** How deep keys may issue keys, 0 to 8, and how many live keys one may have issued, 1 to 10,000. Default 1 (keys that keys have issued issue none) and 100. */
  readonly delegation?: { readonly maxDepth?: number; readonly maxChildren?: number }
  /** How often is written when keys were last used, 1,000 ms to 24 hours; `false`: never. Default 60,000. */
  readonly lastUseIntervalMs?: number | false
  readonly onEvent?: (event: ApiKeysEvent) => void
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly clock?: () => number
  /** Cryptographically strong bytes; default `crypto.randomBytes`. */
  readonly random?: (size: number) => Uint8Array
}

/** A key's text, which is nowhere else, and its record. */
export interface IssuedKey {
  readonly key: string
  readonly record: ApiKeyRecord
}

export interface ApiKeys {
  /**
   * Issues a key; its text is in the answer and nowhere else. One that never expires must be asked for: `expiresAtMs: null`.
   * Throws `ERR_APIKEY_GRANT`, `ERR_APIKEY_EXISTS`, `ERR_APIKEY_OPTION`.
   */
  create(options: CreateKeyOptions): Promise<IssuedKey>
  /**
   * Who a key belongs to; a refusal is a value. Text over 4,096 characters is `malformed`. Synchronous when the store is (memory and file are). The same frozen result is returned as long as the
   * record does not change, so `principal.authenticatedAtMs` is the time of the first verification of that revision by this object.
   */
  verify(text: string, context?: VerifyContext): MaybePromise<VerifyResult>
  /** Whether a text has the shape of a key with this prefix, whatever its checksum: such text is never handed to anyone else. */
  looksLikeKey(text: string): boolean
  get(idOrName: string): Promise<ApiKeyRecord | undefined>
  /** Every record, oldest first. */
  list(): Promise<readonly ApiKeyRecord[]>
  /** When keys were last used, milliseconds since the epoch by id; late by `lastUseIntervalMs` at most, for keys used since they are noted. */
  lastUses(): Promise<ReadonlyMap<string, number>>
  /**
   * Changes a key, and those that it replaced and that are still good. With `ifRev` only that revision. Throws `ERR_APIKEY_CONFLICT`, `ERR_APIKEY_STATE` (it is revoked), and what `create` throws.
   */
  update(idOrName: string, patch: KeyPatch, options?: { readonly ifRev?: number }): Promise<ApiKeyRecord>
  /**
   * Issues a successor with the same name, rights, limits, networks and expiry; the old key ends as the options say. For administrators only: whoever could call it with a stolen key would keep it.
   * Throws `ERR_APIKEY_STATE` for a key that is disabled, revoked, expired or replaced already.
   */
  rotate(idOrName: string, options?: RotateOptions): Promise<IssuedKey>
  /** Refuses a key, and those of its family that are still good, until `enable`. Throws `ERR_APIKEY_NOT_FOUND`, `ERR_APIKEY_STATE` (it is revoked). */
  disable(idOrName: string, options?: { readonly reason?: string }): Promise<ApiKeyRecord>
  enable(idOrName: string): Promise<ApiKeyRecord>
  /** Refuses a key and all of its family from now on; revoking twice changes nothing. Throws `ERR_APIKEY_NOT_FOUND`. */
  revoke(idOrName: string, options?: { readonly reason?: string }): Promise<ApiKeyRecord>
  /** Revokes all keys of an owner or a tenant; answers those that were not revoked before. One that is made meanwhile may be missed. */
  revokeAll(selection: KeySelection, options?: { readonly reason?: string }): Promise<readonly ApiKeyRecord[]>
  /**
   * Issues a key in the name of another, which needs the grant `admin:delegate`: with part of its rights and of its life. A text is the parent itself, and is verified from where `context` says; whoever has
   * authenticated it already names it in an object. Throws `ERR_APIKEY_DELEGATION`, `ERR_APIKEY_GRANT`, and what `create` throws.
   */
  issueChild(
    parent: string | { readonly idOrName: string },
    options: ChildKeyOptions,
    context?: VerifyContext,
  ): Promise<IssuedKey>
  /** Takes over a key that others issued; only its hash is kept. Without `expiresAtMs` it never expires, as before. Throws `ERR_APIKEY_FORMAT` besides what `create` throws. */
  importPlain(options: ImportKeyOptions): Promise<ApiKeyRecord>
  /** As `importPlain`, of a key whose hash alone is known. */
  importHash(options: ImportHashOptions): Promise<ApiKeyRecord>
  /** Writes what is to be written of last uses, and ends the timer for them. */
  close(): Promise<void>
}
