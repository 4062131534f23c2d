import { isWidthless } from '../decode/fold.ts'
import { scanUnicode } from '../scan/unicode.ts'

const FLAG = '\u{1f3f4}'
const FLAGS = ['gbeng', 'gbsct', 'gbwls'].map(
  (name) => `${[...name].map((char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join('')}\u{e007f}`,
)

/** The text without what hides in it; the same text where nothing does. What scripts and emoji need stays, unless something hides among it still. */
export function neutralise(text: string): string {
  const careful = strip(text, look(text), hides)
  // What was taken out may have kept apart what now hides together: then nothing of the kind stays.
  return look(careful).any
    ? strip(careful, { any: true, bidi: true, hidden: true }, (_text, _at, point) => isInvisible(point))
    : careful
}

interface Look {
  readonly any: boolean
  readonly bidi: boolean
  readonly hidden: boolean
}

function look(text: string): Look {
  let bidi = false
  let hidden = false
  scanUnicode(text, (ruleId) => {
    if (ruleId === 'unicode.bidi') bidi = true
    else hidden = true
  })
  return { any: bidi || hidden, bidi, hidden }
}

type Hides = (text: string, at: number, point: number, width: number) => boolean

function strip(text: string, { any, bidi, hidden }: Look, isHidden: Hides): string {
  if (!any) return text
  let out = ''
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xad) continue
    const point = text.codePointAt(i) as number
    const width = point > 0xffff ? 2 : 1
    if (point === 0x1f3f4) {
      const flag = FLAGS.find((tags) => text.startsWith(tags, i + FLAG.length))
      i += FLAG.length + (flag?.length ?? 0) - 1
      continue
    }
    if (isBidiControl(point) ? bidi : hidden && isHidden(text, i, point, width)) {
      out += text.slice(from, i)
      from = i + width
    }
    i += width - 1
  }
  return out + text.slice(from)
}

const isFiller = (point: number): boolean =>
  point === 0x3164 || point === 0x115f || point === 0x1160 || point === 0xffa0
const isInvisible = (point: number): boolean =>
  isWidthless(point) ||
  isFiller(point) ||
  (point >= 0xe0000 && point <= 0xe01ef) ||
  (point >= 0xfff9 && point <= 0xfffb) ||
  (point >= 0x1d173 && point <= 0x1d17a)

const isBidiControl = (point: number): boolean =>
  (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069)

/** Tag characters, supplementary selectors, invisible letters; what has no width, except a single one beside a letter that is no ASCII. */
function hides(text: string, at: number, point: number, width: number): boolean {
  if (point >= 0xe0000 && point <= 0xe01ef) return true
  if (isFiller(point) || (point >= 0xfff9 && point <= 0xfffb) || (point >= 0x1d173 && point <= 0x1d17a)) return true
  if (!isWidthless(point)) return false
  const before = text.charCodeAt(at - 1)
  const after = text.charCodeAt(at + width)
  if (point >= 0xfe00 && point <= 0xfe0f)
    return (
      !(before > 0x7f && !isWidthless(before)) &&
      before !== 0x23 &&
      before !== 0x2a &&
      !(before >= 0x30 && before <= 0x39)
    )
  const joins = before > 0x7f && !isWidthless(before) && after > 0x7f && !(isWidthless(after) && after !== 0xfe0f)
  return !joins
}
