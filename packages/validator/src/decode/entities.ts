import { hexDigit, isAlnum } from '../text/chars.ts'

const NAMED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    lt: '<',
    gt: '>',
    amp: '&',
    quot: '"',
    apos: "'",
    sol: '/',
    bsol: '\\',
    period: '.',
    comma: ',',
    colon: ':',
    semi: ';',
    lpar: '(',
    rpar: ')',
    lsqb: '[',
    lbrack: '[',
    rsqb: ']',
    rbrack: ']',
    lcub: '{',
    lbrace: '{',
    rcub: '}',
    rbrace: '}',
    verbar: '|',
    vert: '|',
    grave: '`',
    equals: '=',
    plus: '+',
    ast: '*',
    num: '#',
    dollar: '$',
    percnt: '%',
    commat: '@',
    excl: '!',
    quest: '?',
    hat: '^',
    lowbar: '_',
    hyphen: '-',
    dash: '-',
    nbsp: '\u00a0',
    tab: '\t',
    newline: '\n',
    zerowidthspace: '\u200b',
    shy: '\u00ad',
  }),
)
const MAX_NAME_CHARS = 14
const MAX_REFERENCE_CHARS = 24

/** One round of decoding HTML character references, with or without their semicolon; undefined where there is nothing to decode. */
export function entityDecode(text: string): string | undefined {
  let out = ''
  let from = 0
  for (let i = text.indexOf('&'); i >= 0; i = text.indexOf('&', i + 1)) {
    const reference = text.charCodeAt(i + 1) === 0x23 ? numericReference(text, i + 2) : namedReference(text, i + 1)
    if (reference === undefined) continue
    out += text.slice(from, i) + reference.char
    from = reference.end
    i = from - 1
  }
  return from === 0 ? undefined : out + text.slice(from)
}

interface Reference {
  readonly char: string
  readonly end: number
}

function numericReference(text: string, start: number): Reference | undefined {
  const isHex = (text.charCodeAt(start) | 0x20) === 0x78
  const base = isHex ? 16 : 10
  let i = isHex ? start + 1 : start
  const first = i
  let code = 0
  for (; i < first + MAX_REFERENCE_CHARS; i++) {
    const digit = hexDigit(text.charCodeAt(i))
    if (digit < 0 || digit >= base) break
    code = Math.min(code * base + digit, 0x110000)
  }
  if (i === first || code > 0x10ffff) return undefined
  return { char: String.fromCodePoint(code), end: text.charCodeAt(i) === 0x3b ? i + 1 : i }
}

function namedReference(text: string, start: number): Reference | undefined {
  let i = start
  while (i < start + MAX_NAME_CHARS && isAlnum(text.charCodeAt(i))) i++
  // Names without a semicolon may run into the text after them, so that shorter ones are tried too.
  for (let end = i; end > start + 1; end--) {
    const char = NAMED.get(text.slice(start, end).toLowerCase())
    if (char !== undefined) return { char, end: text.charCodeAt(end) === 0x3b ? end + 1 : end }
  }
  return undefined
}
