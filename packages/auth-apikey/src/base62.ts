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
