const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Characters drawn evenly: bytes from 248 on are thrown away, since 256 is no multiple of 62. */
export const randomBase62 = (length: number, random: (size: number) => Uint8Array): string => {
  let text = ''
  while (text.length < length) {
    for (const byte of random(length - text.length + 8)) {
      if (byte < 248 && text.length < length) text += alphabet.charAt(byte % 62)
    }
  }
  return text
}

/** A number below 2^32 in six characters. */
export const base62Of32Bits = (value: number): string => {
  let text = ''
  for (let rest = value >>> 0; text.length < 6; rest = Math.floor(rest / 62)) text = alphabet.charAt(rest % 62) + text
  return text
}

const VALUES = new Int8Array(128).fill(-1)
for (let i = 0; i < alphabet.length; i++) VALUES[alphabet.charCodeAt(i)] = i

const valueAt = (text: string, at: number): number => VALUES[text.charCodeAt(at)] ?? -1

/** The number that a text says from a place to its end; -1 where another character stands. */
export const base62Value = (text: string, from: number): number => {
  let value = 0
  for (let i = from; i < text.length; i++) {
    const digit = valueAt(text, i)
    if (digit < 0) return -1
    value = value * 62 + digit
  }
  return value
}

/** Whether nothing but letters and digits stands from a place on. */
export const isBase62 = (text: string, from: number): boolean => {
  for (let i = from; i < text.length; i++) if (valueAt(text, i) < 0) return false
  return true
}
