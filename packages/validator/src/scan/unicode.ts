import type { Hit } from './hit.ts'

/** `gbeng`, `gbsct`, `gbwls`: the only flags of emoji that are made of tag characters (Unicode Technical Standard 51, RGI_Emoji_Tag_Sequence). */
const FLAGS = new Set(['gbeng', 'gbsct', 'gbwls'])

/**
 * Text that says something else than it shows. Joiners of Persian, Indic and emoji, marks of direction in Hebrew and Arabic, selectors behind emoji and ideographs
 * stay: what is reported is what no script needs.
 */
export function scanUnicode(text: string, hit: Hit): void {
  let widthless = 0
  let interleaved = 0
  let lastInterleaved = -100
  let selectors = 0
  let strays = 0
  let nested = 0
  let turnedAt = -1
  let rightToLeft = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xad) {
      widthless = 0
      selectors = 0
      if (unit === 0x0a) nested = 0
      continue
    }
    const point = unit >= 0xd800 && unit <= 0xdbff ? (text.codePointAt(i) as number) : unit
    if (point > 0xffff) i++
    if (isRightToLeft(point)) rightToLeft = true
    if (isZeroWidth(point)) {
      widthless++
      const at = i
      if (widthless >= 4) hit('unicode.zero_width', at)
      if (isAsciiLetter(text.charCodeAt(i - 1)) && isAsciiLetter(text.charCodeAt(i + 1))) {
        interleaved = at - lastInterleaved <= 8 ? interleaved + 1 : 1
        lastInterleaved = at
        if (interleaved >= 3) hit('unicode.zero_width', at)
      }
      continue
    }
    widthless = 0
    if (isSelector(point)) {
      selectors++
      const base = i - (point > 0xffff ? 2 : 1)
      if (selectors >= 2) hit('unicode.variation', i)
      else if (!takesSelector(text, base, point)) {
        strays++
        if (point > 0xffff || strays >= 3) hit('unicode.variation', i)
      }
      continue
    }
    selectors = 0
    if (point >= 0xe0000 && point <= 0xe007f) {
      i = tags(text, i, hit)
    } else if (point === 0x202e || point === 0x202d) {
      hit('unicode.bidi', i)
    } else if ((point >= 0x202a && point <= 0x202b) || (point >= 0x2066 && point <= 0x2068)) {
      // Turned to the right where nothing is written to the left: only what is shown changes.
      if ((point === 0x202b || point === 0x2067) && turnedAt < 0) turnedAt = i
      if (++nested > 4) hit('unicode.bidi', i)
    } else if (point === 0x202c || point === 0x2069) {
      nested = Math.max(0, nested - 1)
    } else if (
      (point >= 0xfff9 && point <= 0xfffb) ||
      (point >= 0x1d173 && point <= 0x1d17a) ||
      (point >= 0x206a && point <= 0x206f)
    ) {
      hit('unicode.zero_width', i)
    } else if (point === 0x3164 || point === 0x115f || point === 0x1160 || point === 0xffa0) {
      // Letters that show nothing; Hangul has them next to its own letters only.
      const next = text.charCodeAt(i + 1)
      if (next === unit || isAsciiLetter(next) || isAsciiLetter(text.charCodeAt(i - 1))) hit('unicode.zero_width', i)
    }
  }
  if (turnedAt >= 0 && !rightToLeft) hit('unicode.bidi', turnedAt)
}

/** A run of tag characters from `at` on: fine behind a black flag if it is one of the three. Answers where it ends. */
function tags(text: string, at: number, hit: Hit): number {
  let name = ''
  let i = at - 1
  let closed = false
  while (i < text.length) {
    const point = text.codePointAt(i) ?? 0
    if (point < 0xe0000 || point > 0xe007f) break
    closed = point === 0xe007f
    if (!closed && name.length < 8) name += String.fromCharCode(point - 0xe0000)
    i += 2
    if (closed) break
  }
  const flag = text.codePointAt(at - 3) === 0x1f3f4
  if (!(flag && closed && FLAGS.has(name))) hit('unicode.tags', at - 1)
  return i - 1
}

const isZeroWidth = (point: number): boolean =>
  (point >= 0x200b && point <= 0x200d) ||
  (point >= 0x2060 && point <= 0x2064) ||
  point === 0xfeff ||
  point === 0x180e ||
  point === 0xad ||
  point === 0x034f
const isSelector = (point: number): boolean =>
  (point >= 0xfe00 && point <= 0xfe0f) || (point >= 0xe0100 && point <= 0xe01ef)
const isAsciiLetter = (code: number): boolean => (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a && code < 0x80
const isRightToLeft = (point: number): boolean =>
  (point >= 0x590 && point <= 0x8ff) ||
  (point >= 0xfb1d && point <= 0xfdff) ||
  (point >= 0xfe70 && point <= 0xfefc) ||
  (point >= 0x10800 && point <= 0x10fff) ||
  (point >= 0x1e800 && point <= 0x1efff)

/** Whether the character before a variation selector has variants: symbols and emoji, keycap digits, ideographs; for the supplement ideographs alone. */
function takesSelector(text: string, at: number, selector: number): boolean {
  if (at < 0) return false
  const unit = text.charCodeAt(at)
  const point = unit >= 0xdc00 && unit <= 0xdfff && at > 0 ? (text.codePointAt(at - 1) as number) : unit
  const ideograph =
    (point >= 0x2e80 && point <= 0x9fff) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0x20000 && point <= 0x3ffff)
  if (selector > 0xffff) return ideograph
  return (
    ideograph ||
    point === 0x23 ||
    point === 0x2a ||
    (point >= 0x30 && point <= 0x39) ||
    point === 0xa9 ||
    point === 0xae ||
    (point >= 0x1800 && point <= 0x18af) ||
    (point >= 0x1000 && point <= 0x109f) ||
    (point >= 0x2000 && point <= 0x2bff) ||
    (point >= 0x1f000 && point <= 0x1faff) ||
    (point >= 0xa840 && point <= 0xa87f) ||
    (point >= 0x3000 && point <= 0x32ff)
  )
}
