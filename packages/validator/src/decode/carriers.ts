import { findWithin, isAlnum } from '../text/chars.ts'

const MIN_BASE64_CHARS = 12
const MAX_BASE64_CHARS = 65_536

/**
 * What a value that is base64 as a whole, or a `data:` URL with base64 in it, says, if it is readable text with something besides letters and
 * digits in it; else undefined. Keys, hashes and files decode to bytes that are none.
 */
export function base64Text(text: string): string | undefined {
  let start = 0
  if (text.startsWith('data:')) {
    const comma = findWithin(text, ',', 0, 200)
    if (comma < 0 || !text.slice(0, comma).endsWith(';base64')) return undefined
    start = comma + 1
  }
  const length = text.length - start
  if (length < MIN_BASE64_CHARS || length > MAX_BASE64_CHARS || length % 4 === 1) return undefined
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isAlnum(code) || code === 0x2b || code === 0x2f || code === 0x2d || code === 0x5f) continue
    if (code === 0x3d && i >= text.length - 2) continue
    return undefined
  }
  const decoded = Buffer.from(text.slice(start), 'base64').toString('latin1')
  let telling = false
  for (let i = 0; i < decoded.length; i++) {
    const code = decoded.charCodeAt(i)
    if ((code < 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) || code > 0x7e) return undefined
    telling ||= !isAlnum(code)
  }
  return telling ? decoded : undefined
}

const UTF7_RUN = 64

/** UTF-7 (RFC 2152): `+ADw-script+AD4-`; undefined where there is none of its ASCII. */
export function utf7Decode(text: string): string | undefined {
  let out = ''
  let from = 0
  for (let i = text.indexOf('+A'); i >= 0; i = text.indexOf('+A', i + 1)) {
    let end = i + 1
    while (end < i + UTF7_RUN && isBase64(text.charCodeAt(end))) end++
    const bytes = Buffer.from(text.slice(i + 1, end), 'base64')
    if (bytes.length < 2) continue
    let chars = ''
    for (let k = 0; k + 1 < bytes.length; k += 2) {
      const code = ((bytes[k] as number) << 8) | (bytes[k + 1] as number)
      if (code >= 0x80 || code < 0x09) break
      chars += String.fromCharCode(code)
    }
    if (chars === '') continue
    out += text.slice(from, i) + chars
    from = text.charCodeAt(end) === 0x2d ? end + 1 : end
    i = from - 1
  }
  return from === 0 ? undefined : out + text.slice(from)
}

const isBase64 = (code: number): boolean => isAlnum(code) || code === 0x2b || code === 0x2f
