import { type CST, Parser } from 'yaml'

/** Nesting of collections in a configuration; none needs a tenth of it. */
export const maxDepth = 64

/**
 * Whether YAML is nested deeper than a configuration may be, asked before it is composed: the composer calls itself for each level, and
 * a stack that is full ends the process in the middle of a regular expression.
 */
export const isTooDeep = (text: string): boolean => {
  let waiting: CST.Token[] = [...new Parser().parse(text)]
  for (let depth = 0; waiting.length > 0; depth++) {
    if (depth > maxDepth + 1) return true
    const inner: CST.Token[] = []
    for (const token of waiting) {
      if (token.type === 'document' && token.value !== undefined) inner.push(token.value)
      if (!('items' in token)) continue
      for (const { key, value } of token.items) {
        if (key) inner.push(key)
        if (value) inner.push(value)
      }
    }
    waiting = inner
  }
  return false
}
