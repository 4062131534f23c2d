import { hexDigit } from '../text/chars.ts'

/**
 * One round of percent-decoding; undefined where there is nothing to decode. Runs of `%XX` are read as UTF-8, and as lenient decoders read it: overlong
 * forms (`%c0%ae` is `.`) and forms with a wrong second byte (`%c0%2e`) are what such a decoder makes of them, other stray bytes are Latin-1.
 * `%uXXXX` is the character of that code.
 */
export function percentDecode(text: string): string | undefined {
  let out = ''
  let from = 0
  let i = text.indexOf('%')
  while (i >= 0) {
    const unicode = (text.charCodeAt(i + 1) | 0x20) === 0x75 ? hex4(text, i + 2) : -1
    if (unicode >= 0) {
      out += text.slice(from, i) + String.fromCharCode(unicode)
      from = i + 6
      i = text.indexOf('%', from)
      continue
    }
    let end = i
    while (text.charCodeAt(end) === 0x25 && hexByte(text, end + 1) >= 0) end += 3
    if (end > i) {
      out += text.slice(from, i) + lenientUtf8(text, i, (end - i) / 3)
      from = end
    }
    i = text.indexOf('%', end > i ? end : i + 1)
  }
  return from === 0 ? undefined : out + text.slice(from)
}

function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

export function hex4(text: string, at: number): number {
  const high = hexByte(text, at)
  const low = hexByte(text, at + 2)
  return high < 0 || low < 0 ? -1 : high * 256 + low
}

/** `count` bytes, each written as `%XX` from `start` on. */
function lenientUtf8(text: string, start: number, count: number): string {
  let out = ''
  for (let k = 0; k < count; ) {
    const lead = hexByte(text, start + k * 3 + 1)
    let length =
      lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : lead < 0xfc ? 5 : lead < 0xfe ? 6 : 1
    let code = length === 1 ? lead : lead & (0x7f >> length)
    for (let n = 1; n < length; n++) {
      const next = k + n < count ? hexByte(text, start + (k + n) * 3 + 1) : -1
      if ((next & 0xc0) === 0x80 && next >= 0) {
        code = (code << 6) | (next & 0x3f)
      } else if (n === 1 && (lead === 0xc0 || lead === 0xc1) && next >= 0x20 && next < 0x7f) {
        code = next
      } else {
        code = lead
        length = 1
      }
    }
    out += code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
    k += length
  }
  return out
}
