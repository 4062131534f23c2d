/** What readers take for ASCII although NFKC does not: slashes, dots, quotes, dashes, colons of other scripts. */
const LOOKALIKE: ReadonlyMap<number, string> = new Map(
  (
    [
      [0x2215, '/'],
      [0x2044, '/'],
      [0x29f8, '/'],
      [0xf025, '/'],
      [0xefc8, '/'],
      [0x2216, '\\'],
      [0x29f5, '\\'],
      [0x3002, '.'],
      [0xff61, '.'],
      [0x2024, '.'],
      [0x2018, "'"],
      [0x2019, "'"],
      [0x201a, "'"],
      [0x201b, "'"],
      [0x2032, "'"],
      [0x02bc, "'"],
      [0x02b9, "'"],
      [0x00b4, "'"],
      [0x201c, '"'],
      [0x201d, '"'],
      [0x201e, '"'],
      [0x2033, '"'],
      [0x2010, '-'],
      [0x2011, '-'],
      [0x2212, '-'],
      [0x2013, '--'],
      [0x2014, '--'],
      [0x2039, '<'],
      [0x203a, '>'],
      [0x2236, ':'],
      [0xa789, ':'],
      [0x037e, ';'],
    ] satisfies [number, string][]
  ).map(([code, ascii]) => [code, ascii]),
)

/**
 * Text as a reader of it may fold it: NFKC, look-alike punctuation as ASCII, characters without width and NUL taken out, tag characters as the ASCII
 * that they stand for. Undefined where that changes nothing. Linear: the longest expansion of NFKC is eighteenfold and such text is left as it is.
 */
export function fold(text: string): string | undefined {
  let changed = false
  let out = ''
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x20 && code < 0x7f) continue
    if (code > 0 && code < 0x7f) continue
    const point = text.codePointAt(i) as number
    const replacement = foldPoint(point)
    if (replacement === undefined) {
      if (point > 0xffff) i++
      changed ||= point > 0x7f
      continue
    }
    out += text.slice(from, i) + replacement
    if (point > 0xffff) i++
    from = i + 1
    changed = true
  }
  if (!changed) return undefined
  const stripped = from === 0 ? text : out + text.slice(from)
  const folded = stripped.normalize('NFKC')
  const result = folded.length > stripped.length * 4 ? stripped : folded
  return result === text ? undefined : result
}

function foldPoint(point: number): string | undefined {
  if (point === 0 || isWidthless(point)) return ''
  if (point >= 0xe0020 && point <= 0xe007e) return String.fromCharCode(point - 0xe0000)
  if (point === 0xe0001 || point === 0xe007f) return ''
  return LOOKALIKE.get(point)
}

/** Zero-width characters, joiners, bidirectional controls, variation selectors, soft hyphen, byte order mark. */
export function isWidthless(point: number): boolean {
  return (
    point === 0xad ||
    point === 0x034f ||
    point === 0x061c ||
    point === 0x180e ||
    (point >= 0x200b && point <= 0x200f) ||
    (point >= 0x202a && point <= 0x202e) ||
    (point >= 0x2060 && point <= 0x206f) ||
    (point >= 0xfe00 && point <= 0xfe0f) ||
    point === 0xfeff ||
    (point >= 0xe0100 && point <= 0xe01ef)
  )
}
