import type { KeyObject } from 'node:crypto'
import { open, type Random, seal } from './aead.ts'
import { boundTo, derive, intoKey, keyBytes } from './derive.ts'

export interface WrapContext {
  /** The key-encryption key. */
  readonly kek: KeyObject
  /** The name under which it stands in the key table. */
  readonly kid: string
  /** Of the file. */
  readonly id: Buffer
}

const wrappingKey = ({ kek, id }: WrapContext): KeyObject => intoKey(derive(kek, id, 'wrap'))

export const newDataKey = (random: Random): KeyObject => intoKey(random(keyBytes))

/** The data key sealed under a key-encryption key, for one file and one entry of its table. */
export const wrapDataKey = (context: WrapContext, dataKey: KeyObject, random: Random): string => {
  const bytes = dataKey.export()
  const text = seal(wrappingKey(context), bytes, boundTo('wrap', context.id, context.kid), random)
  bytes.fill(0)
  return text
}

export const unwrapDataKey = (context: WrapContext, wrapped: string): KeyObject | undefined => {
  const bytes = open(wrappingKey(context), wrapped, boundTo('wrap', context.id, context.kid))
  return bytes?.length === keyBytes ? intoKey(bytes) : undefined
}
