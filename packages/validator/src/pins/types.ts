import type { Finding } from '../types.ts'

/** What a server lists, as the protocol has it: the answers of `initialize`, `tools/list`, `prompts/list`, `resources/list`, `resources/templates/list`. */
export interface Listing {
  readonly instructions?: unknown
  readonly serverInfo?: unknown
  readonly tools?: readonly unknown[]
  readonly prompts?: readonly unknown[]
  readonly resources?: readonly unknown[]
  readonly resourceTemplates?: readonly unknown[]
}

/** One item as it was approved: for each field the hash of its canonical JSON (RFC 8785, SHA-256) and that JSON, so that a difference can be shown. */
export interface PinnedItem {
  readonly fields: Readonly<Record<string, { readonly hash: string; readonly json: string }>>
}

/** The lock file's content: by server, by item (`tool:read_file`, `prompt:x`, `resource:file:///a`, `template:...`, `server:instructions`). */
export interface PinLock {
  readonly format: 'portcullis-pins'
  readonly version: 1
  readonly servers: Readonly<Record<string, { readonly items: Readonly<Record<string, PinnedItem>> }>>
}

/**
 * What a change does. `narrower`: the input schema accepts less than before and no wording changed. `flags`: only booleans and numbers of annotations that make no promise
 * (a tool that stops calling itself destructive is no mere flag). `wording`: some text that a model reads was changed or added. `other`: anything else.
 */
export type Effect = 'narrower' | 'flags' | 'wording' | 'other'

export interface FieldChange {
  readonly field: string
  readonly effect: Effect
  /** Canonical JSON; absent where the field was not there. */
  readonly before?: string
  readonly after?: string
}

export interface Change {
  readonly server: string
  /** `tool:read_file`, ... */
  readonly item: string
  readonly type: 'added' | 'removed' | 'changed' | 'refused'
  readonly fields: readonly FieldChange[]
  /** An item with another name that says the same and is gone: this is its new name. */
  readonly renamedFrom?: string
  /** What the descriptions hold: hidden text, words over the head of the user. */
  readonly findings: readonly Finding[]
  /** True: it is served. */
  readonly accepted: boolean
  readonly why:
    | 'first_use'
    | 'approved'
    | 'narrower'
    | 'flags'
    | 'not_approved'
    | 'monitor'
    | 'unusable'
    | 'gone'
    | 'finding'
}

export interface PinAnswer {
  /** The listing without what is not accepted; items that did not change are always in it. */
  readonly listing: Listing
  readonly changes: readonly Change[]
  /** Nothing was known of the server before. */
  readonly firstUse: boolean
}

export interface PinsOptions {
  readonly lock?: PinLock
  /** `enforce`: what is not approved is not served. `monitor`: everything is served, and told. Default `enforce`. */
  readonly mode?: 'enforce' | 'monitor'
  /** What a server lists when it is seen for the first time is approved, except for what has findings. Default true. */
  readonly trustOnFirstUse?: boolean
  /** Changes that are approved by themselves. Default none. */
  readonly accept?: readonly ('narrower' | 'flags')[]
  /** Called with the lock whenever it changed. */
  readonly onChange?: (lock: PinLock) => void
}

export interface Pins {
  /** Compares what a server lists with what was approved. Give each list whole, all its pages together; a list that is not given is not compared. */
  check(server: string, listing: Listing): PinAnswer
  /** Approves what was last seen and not approved: one item, or all of the server. Answers which. @throws ValidatorError ERR_VALIDATOR_LOCK where there is nothing to approve */
  approve(server: string, item?: string): readonly string[]
  /** Forgets what was approved: of one item, or of the server, which is then seen for the first time again. True if there was something. */
  forget(server: string, item?: string): boolean
  readonly lock: PinLock
}
