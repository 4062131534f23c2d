import type { StandardSchema } from './config/standard-schema.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue }

/** Where a key comes from; made by `keys.*`. It prints as its place, never as the key. */
export interface KeySource {
  /** `file:/absolute/path`, `env:NAME`, `raw`, ... */
  readonly source: string
}

/**
 * A key management service, as `keys.kms` takes it: wraps and unwraps the data key of a file, 32 bytes. `context` is to be bound to the result where the service can
 * (encryption context, additional authenticated data): it names the file. The bytes given are wiped when the call returns.
 */
export interface Kms {
  /** 1 to 32 of `a-z 0-9 -`: `aws`, `vault`. */
  readonly provider: string
  /** Which key: an ARN, a path. Stands in the file. */
  readonly ref: string
  wrap(dataKey: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>
  unwrap(wrapped: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>
}

/** A keychain of the platform. */
export interface Keychain {
  getPassword(service: string, account: string): string | null | undefined
}

/** A value that never prints itself: text, JSON and inspection of it are `[secret]`, a clone of it is empty. */
export interface Secret<T> {
  /** Decrypts now; nothing is kept. @throws ConfigError `ERR_CONFIG_INTEGRITY`, `ERR_CONFIG_DISPOSED` */
  reveal(): T
  toString(): '[secret]'
  toJSON(): '[secret]'
}

export interface OpenOptions<S extends StandardSchema | undefined = StandardSchema | undefined> {
  /** Those that are absent are passed over. All of one kind: ours, or Fernet keys. */
  readonly keys: readonly KeySource[]
  /** Refuses a file that was written fewer times: an old copy put back. */
  readonly minRev?: number
  /**
   * Remembers in a folder of this user which write was seen last, and refuses an older one, another one of the same number, or another file in its place. `true`:
   * `$XDG_STATE_HOME/portcullis/pins`, else `~/.local/state/portcullis/pins`. Default: nothing is remembered.
   */
  readonly pin?: boolean | { readonly folder: string }
  /** A Standard Schema (zod, valibot, arktype), synchronous, of the whole of `config`. It is opened and checked at once, and after every change; `get` returns what the schema made of it. */
  readonly schema?: S
  /** Milliseconds since 1970, for the days in the file. Default `Date.now`. */
  readonly clock?: () => number
}

export interface CreateOptions {
  /** Each can open the file. A `file:` source whose file is absent gets a new key, mode 0600. */
  readonly keys: readonly [KeySource, ...KeySource[]]
  /** What may be stored sealed only: names, or JSON Pointers in which a segment `*` stands for any member or item. */
  readonly secrets?: readonly string[]
  /** As `OpenOptions.pin`. */
  readonly pin?: boolean | { readonly folder: string }
  /** As `OpenOptions.clock`. */
  readonly clock?: () => number
}

export interface Draft {
  /** See `Config.set`. */
  set(place: string, value: JsonValue, options?: { readonly sealed?: boolean }): void
  /** Whether it was there. */
  delete(place: string): boolean
}

/** What `watch` saw. */
export type ConfigEvent =
  | {
      readonly kind: 'changed'
      readonly rev: number
      /** JSON Pointers of the values that were added, changed or removed; a value that was only sealed anew is not among them unless its data key changed. */
      readonly pointers: readonly string[]
    }
  | {
      /** The file cannot be used; what was read before stays in use. */
      readonly kind: 'failed'
      readonly error: unknown
    }

/** An entry of the key table. */
export interface KeyInfo {
  readonly kid: string
  readonly kind: 'key' | 'passphrase' | 'kms'
  /** `YYYY-MM-DD`. */
  readonly created: string
  /** Only of a key that is on its way out: writers drop it from this day on. */
  readonly retires?: string
  /** Whether the file was opened by it. */
  readonly inUse: boolean
}

/** What is older than it should be. */
export interface StaleReport {
  readonly secrets: readonly { readonly pointer: string; readonly setOn: string; readonly ageDays: number }[]
  readonly keys: readonly { readonly kid: string; readonly created: string; readonly ageDays: number }[]
  /** `undefined` when it is young enough. */
  readonly dataKey: { readonly createdOn: string; readonly ageDays: number } | undefined
  /** Grace keys whose day has come and that still open the file. */
  readonly overdue: readonly { readonly kid: string; readonly retires: string }[]
}

export interface RotateKeyOptions {
  /** The new key; made where it is an absent key file. Default: a new key in the key file by which the file was opened, the old one kept behind it. */
  readonly to?: KeySource
  /** How long the old key still opens the file, in days. Default 0: not at all. */
  readonly graceDays?: number
}

/** What rotation did. */
export interface Rotation {
  /** The entry that is new. */
  readonly kid: string
  /** Those that open the file no longer. */
  readonly dropped: readonly string[]
  /** Those that still do, until their day. */
  readonly retiring: readonly string[]
}

/** What a configuration holds when no schema says it. */
export type Values = { readonly [name: string]: unknown }

/**
 * An open configuration file. What it answers is what was read last: by `open`, `reload` or a change. A *place* is a name of `config` itself (1 to 128 of
 * `A-Z a-z 0-9 _ . -`) or a JSON Pointer (`/db/password`, `/providers/0/apiKey`).
 */
export interface Config<T = Values> {
  /** How many times the file was written; 0 for a Fernet file. */
  readonly rev: number
  /** Whether it is a Fernet file, which is read-only here. */
  readonly legacy: boolean
  /** The value, a sealed one revealed; `fallback` when there is none. A copy: changing it changes nothing. */
  get<K extends keyof T & string>(name: K): T[K]
  get(place: string, fallback?: unknown): unknown
  /** The value so that it never prints itself; `undefined` when there is none. */
  secret<K extends keyof T & string>(name: K): Secret<T[K]> | undefined
  secret(place: string): Secret<unknown> | undefined
  has(place: string): boolean
  /** Ordered by name; `sealed` when the value is, or something in it. */
  names(): readonly { readonly name: string; readonly sealed: boolean }[]
  /** Every value that is no list and no object, ordered by pointer; `setOn` (`YYYY-MM-DD`) of sealed ones. */
  entries(): readonly { readonly pointer: string; readonly sealed: boolean; readonly setOn?: string }[]
  /**
   * Stores one value, sealed as a whole unless `sealed: false`; what `secrets` names inside a plain one is sealed by itself. Objects on the way to it are made; `/list/-` adds to a list.
   * @throws ConfigError `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_LEGACY`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_CONFLICT`, `ERR_CONFIG_SCHEMA`, `ERR_CONFIG_WRITE`, and those of `openConfig`
   */
  set(place: string, value: JsonValue, options?: { readonly sealed?: boolean }): Promise<void>
  /** Removes one value; `false`, and nothing written, when there is none. @throws as `set` */
  delete(place: string): Promise<boolean>
  /**
   * Changes many values in one write: takes the lock, reads the file anew, calls `change` (synchronous), writes `rev + 1`. What `change` throws is thrown, nothing
   * is written then. `ifRev`: only when the file has that `rev`, else `ERR_CONFIG_CONFLICT`. @throws as `set`
   */
  update(change: (draft: Draft) => void, options?: { readonly ifRev?: number }): Promise<void>
  /** Reads the file anew; when that fails, what was read before stays. @throws ConfigError as `openConfig`; `ERR_CONFIG_ROLLBACK`, `ERR_CONFIG_FORK` for another file than the next one */
  reload(): Promise<void>
  reloadSync(): void
  /**
   * Reloads when the file changes, and says so; a bad file keeps the last good one in use. Looks every `pollMs` (1000) too, for file systems that say nothing.
   * Ends with `signal`, `dispose` or the end of the loop.
   */
  watch(options?: { readonly signal?: AbortSignal; readonly pollMs?: number }): AsyncIterableIterator<ConfigEvent>
  keyTable(): readonly KeyInfo[]
  /** What was set, drawn or added `days` or more ago, and grace keys past their day. */
  stale(options: { readonly days: number }): StaleReport
  /**
   * A new key-encryption key in the place of the one by which the file was opened. Only the header changes. The new key is on disk and read again before the file is
   * written; killed at any moment, old key or new open it. Who knows the old key and had the file still knows the data key: `rotateDataKey` is against that.
   * @throws as `set`
   */
  rotateKey(options?: RotateKeyOptions): Promise<Rotation>
  /** One more key that opens the file. @throws as `set` */
  addKey(source: KeySource): Promise<{ readonly kid: string }>
  /** Drops a key and rotates the data key, so that who has it opens nothing written from now on. What it opened before must be replaced where it was issued: that is `secrets`. @throws as `rotateDataKey` */
  removeKey(kid: string): Promise<{ readonly secrets: readonly string[] }>
  /** A new data key: every value is sealed anew. Every key of the table must be at hand, or named in `drop`. @throws as `set`; `ERR_CONFIG_NO_KEY` */
  rotateDataKey(options?: { readonly drop?: readonly string[] }): Promise<void>
  /**
   * Ends rotations: drops grace keys, whatever their day, and removes from the key files of `keys` the old keys that do not open this file. Do it when no other file is
   * opened by them. @throws as `set`
   */
  finishRotation(): Promise<{ readonly dropped: readonly string[] }>
  /** Forgets values and keys; every call but this one is `ERR_CONFIG_DISPOSED` then. JavaScript cannot wipe what was revealed. */
  dispose(): void
  [Symbol.dispose](): void
}
