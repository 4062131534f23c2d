import type { JsonValue } from '../types.ts'

const prefix = 'enc:v1:'
const daySyntax = /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$/
const dayEnd = prefix.length + 10

/** Opens what was sealed under the data key of one file. */
export interface Opener {
  /** @throws ConfigError `ERR_CONFIG_INTEGRITY` */
  open(leaf: SealedLeaf): JsonValue
}

/** A sealed value as it stands in a file. Nothing of it is decrypted until `reveal`. */
export class SealedLeaf {
  readonly opener: Opener
  /** Where it was sealed for. */
  readonly pointer: string
  /** The day of the value, not of the sealing: `YYYY-MM-DD`. */
  readonly setOn: string
  /** base64url of nonce, ciphertext and tag; a token of a Fernet file. */
  readonly payload: string

  constructor(opener: Opener, pointer: string, setOn: string, payload: string) {
    this.opener = opener
    this.pointer = pointer
    this.setOn = setOn
    this.payload = payload
  }

  get text(): string {
    return `${prefix}${this.setOn}:${this.payload}`
  }

  reveal(): JsonValue {
    return this.opener.open(this)
  }
}

/** What `config` holds, sealed values as leaves. */
export type Tree = null | boolean | number | string | SealedLeaf | readonly Tree[] | { readonly [member: string]: Tree }

/** Texts that may not stand in a file as they are. */
export const isReserved = (text: string): boolean => text.startsWith('enc:')

/** Whether a text that is reserved is a sealed value of this version. Its payload is looked at when it is opened. */
export const isLeafText = (text: string): boolean =>
  text.startsWith(prefix) &&
  text[dayEnd] === ':' &&
  text.length > dayEnd + 1 &&
  daySyntax.test(text.slice(prefix.length, dayEnd))

/** The leaf in such a text. */
export const leafOf = (opener: Opener, pointer: string, text: string): SealedLeaf =>
  new SealedLeaf(opener, pointer, text.slice(prefix.length, dayEnd), text.slice(dayEnd + 1))
