export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue }

/** Where a key comes from; made by `keys.*`. It prints as its place, never as the key. */
export interface KeySource {
  /** `file:/absolute/path`, `env:NAME` or `raw`. */
  readonly source: string
}

/** A value that never prints itself: text, JSON and inspection of it are `[secret]`, a clone of it is empty. */
export interface Secret<T> {
  /** Decrypts now; nothing is kept. @throws ConfigError `ERR_CONFIG_INTEGRITY` */
  reveal(): T
  toString(): '[secret]'
  toJSON(): '[secret]'
}

export interface OpenOptions {
  /** Tried in order; those that are absent are passed over. All of one kind: ours, or Fernet keys. */
  readonly keys: readonly KeySource[]
  /** Refuses a file that was written fewer times: an old copy put back. */
  readonly minRev?: number
}

export interface CreateOptions {
  /** Each can open the file. A `file:` source whose file is absent gets a new key, mode 0600. */
  readonly keys: readonly [KeySource, ...KeySource[]]
  /** Names that may be stored sealed only. */
  readonly secrets?: readonly string[]
}

export interface Draft {
  /** See `Config.set`. */
  set(name: string, value: JsonValue, options?: { readonly sealed?: boolean }): void
  /** Whether it was there. */
  delete(name: string): boolean
}

/** An open configuration file. What it answers is what was read last: by `open`, `reload` or a change. */
export interface Config {
  /** How many times the file was written; 0 for a Fernet file. */
  readonly rev: number
  /** Whether it is a Fernet file, which is read-only here. */
  readonly legacy: boolean
  /** The value, a sealed one revealed; `fallback` when there is none. A copy: changing it changes nothing. */
  get(name: string, fallback?: unknown): unknown
  /** The value so that it never prints itself; `undefined` when there is none. */
  secret(name: string): Secret<unknown> | undefined
  has(name: string): boolean
  /** Ordered by name. */
  names(): readonly { readonly name: string; readonly sealed: boolean }[]
  /**
   * Stores one value, sealed unless `sealed: false`.
   * @param name 1 to 128 of `A-Z a-z 0-9 _ . -`
   * @throws ConfigError `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_LEGACY`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_WRITE`, and those of `openConfig`
   */
  set(name: string, value: JsonValue, options?: { readonly sealed?: boolean }): Promise<void>
  /** Removes one value; `false`, and nothing written, when there is none. @throws as `set` */
  delete(name: string): Promise<boolean>
  /**
   * Changes many values in one write: takes the lock, reads the file anew, calls `change` (synchronous), writes `rev + 1`. What `change` throws is thrown, nothing
   * is written then. @throws as `set`
   */
  update(change: (draft: Draft) => void): Promise<void>
  /** Reads the file anew; when that fails, what was read before stays. @throws ConfigError as `openConfig`; `ERR_CONFIG_ROLLBACK` for an older file */
  reload(): void
}
