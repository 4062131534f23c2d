/** Character classes by code, for scanners that read code by code. NaN, the end of a text, is in none of them. */

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
export const isLetter = (code: number): boolean => (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a && code < 0x80
export const isAlnum = (code: number): boolean => isDigit(code) || isLetter(code)
/** Letters, digits and `_`. */
export const isWord = (code: number): boolean => isDigit(code) || isLetter(code) || code === 0x5f
/** Space, tab, line ends, form feed, vertical tab, no-break space. */
export const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0xa0

export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x41 && code <= 0x46) return code - 0x37
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}

export function skipSpace(text: string, from: number): number {
  let i = from
  while (isSpace(text.charCodeAt(i))) i++
  return i
}

/** The first place at or after `from` that is no letter, digit or `_`. */
export function wordEnd(text: string, from: number): number {
  let i = from
  while (isWord(text.charCodeAt(i))) i++
  return i
}

/** Compares with a word in lower case; a letter counts in either case. */
export function continues(text: string, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = text.charCodeAt(at + i)
    const wanted = word.charCodeAt(i)
    if (code !== wanted && !(wanted >= 0x61 && wanted <= 0x7a && code === wanted - 0x20)) return false
  }
  return true
}

/** Where a mark stands within so many characters, or -1. A look for it to the end of the text, from every place of one, would be quadratic. */
export function findWithin(text: string, mark: string, from: number, reach: number): number {
  const end = Math.min(text.length, from + reach)
  for (let i = from; i < end; i++) if (text.charCodeAt(i) === mark.charCodeAt(0) && text.startsWith(mark, i)) return i
  return -1
}

/** The last place of a mark before `from`, within so many characters, or -1. */
export function findBackWithin(text: string, mark: string, from: number, reach: number): number {
  const end = Math.max(0, from - reach)
  for (let i = from; i >= end; i--) if (text.charCodeAt(i) === mark.charCodeAt(0) && text.startsWith(mark, i)) return i
  return -1
}

/** A set of words in lower case, written as one text with spaces between them. */
export const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))
