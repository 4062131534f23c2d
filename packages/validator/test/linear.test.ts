import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formsOf } from '../src/decode/forms.ts'
import { createValidator } from '../src/index.ts'
import { neutralise } from '../src/results/neutralise.ts'
import { findSecrets } from '../src/results/secrets.ts'
import { scanJava } from '../src/scan/code/java.ts'
import { scanJavaScript } from '../src/scan/code/javascript.ts'
import { scanPhp } from '../src/scan/code/php.ts'
import { scanTemplate } from '../src/scan/code/template.ts'
import { scanDescription } from '../src/scan/description.ts'
import { gate } from '../src/scan/gate.ts'
import { scanHtml } from '../src/scan/html/scan.ts'
import { scanPrompt } from '../src/scan/prompt.ts'
import { scanLdap, scanLineEnds, scanMail, scanNosql, scanXml } from '../src/scan/protocols.ts'
import { scanInnerHosts, scanSensitivePaths } from '../src/scan/references.ts'
import { scanInterpreters } from '../src/scan/shell/interpreters.ts'
import { scanShell } from '../src/scan/shell/scan.ts'
import { scanSql } from '../src/scan/sql/scan.ts'
import { scanTripwire } from '../src/scan/tripwire.ts'
import { scanUnicode } from '../src/scan/unicode.ts'
import { openStepCounter, type StepCounter } from './steps.ts'

const nothing = (): void => {}
const validator = createValidator()

/** Everything that reads a text. Each is to cost a number of steps for each character, whatever the characters are. */
const SCANNERS: Readonly<Record<string, (text: string) => unknown>> = {
  tripwire: (text) => scanTripwire(text, nothing),
  sql: (text) => scanSql(text, nothing),
  html: (text) => scanHtml(text, nothing),
  shell: (text) => scanShell(text, nothing),
  interpreters: (text) => scanInterpreters(text, nothing),
  javascript: (text) => scanJavaScript(text, nothing),
  php: (text) => scanPhp(text, nothing),
  java: (text) => scanJava(text, nothing),
  template: (text) => scanTemplate(text, nothing),
  xml: (text) => scanXml(text, nothing),
  ldap: (text) => scanLdap(text, nothing),
  nosql: (text) => scanNosql(text, nothing),
  mail: (text) => scanMail(text, nothing),
  'line ends': (text) => scanLineEnds(text, true, nothing),
  'sensitive paths': (text) => scanSensitivePaths(text, nothing),
  'inner hosts': (text) => scanInnerHosts(text, nothing),
  unicode: (text) => scanUnicode(text, nothing),
  prompt: (text) => scanPrompt(text, nothing),
  description: (text) => scanDescription(text, nothing),
  gate: (text) => gate(text),
  decoding: (text) => formsOf(text),
  secrets: (text) => findSecrets(text),
  neutralise: (text) => neutralise(text),
  'the guard of JSON': (text) => validator.checkText(JSON.stringify(text)),
  'the kind sql': (text) => validator.checkValue(text, { kind: 'sql', readOnly: true }),
  'the kind command': (text) => validator.checkValue(text, { kind: 'command', programs: ['git'] }),
  'the kind html': (text) => validator.checkValue(text, { kind: 'html', scripts: false }),
  'the kind path': (text) => validator.checkValue(text, 'path'),
  'the kind url': (text) => validator.checkValue(text, 'url'),
  'the kind regex': (text) => validator.checkValue(text, 'regex'),
  'the kind email': (text) => validator.checkValue(text, 'email'),
  'the kind identifier': (text) => validator.checkValue(text, 'identifier'),
  'a result': (text) => validator.protectResult({ server: 'local', result: { text } }),
  'a call': (text) => validator.checkCall({ server: 'local', tool: 't', arguments: { text } }),
}

/** Repeated, these make what looks ahead or back do so at every step. */
const PARTS = [
  'a',
  "'",
  '"',
  '`',
  '\\',
  '/',
  '<',
  '>',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '$',
  '%',
  '&',
  ';',
  '|',
  '#',
  '-',
  '=',
  ':',
  '.',
  '*',
  '+',
  '@',
  '!',
  '?',
  '~',
  '^',
  ' ',
  '\n',
  '\0',
  '_',
  '0',
  'A',
  '\u200b',
  '\u202e',
  '\ufe0f',
  '\ufdfa',
  '\ud83c\udff4',
  '\u{e0041}',
  'م',
  '*/(',
  '](',
  '`\\',
  "\\'",
  'a=;$a',
  'union ',
  'select ',
  "' or ",
  '1=1 and ',
  'case when ',
  'a(',
  '/*',
  '*/',
  '/*!',
  '--',
  '@@a',
  'a.b.',
  '((1',
  'select(',
  '<script ',
  '<a b=',
  '<!--',
  '<![CDATA[',
  'onx=',
  'javascript:',
  'data:',
  'expression(',
  '/*x*/(',
  ';cat ',
  '| a',
  '$(',
  '${',
  '{{',
  '{%',
  '#{',
  '`a',
  '$IFS',
  'for %a in ',
  'if exist ',
  'sh -c ',
  '{a,',
  '/[a',
  '/?',
  '() {',
  'eval',
  'document.',
  'function(',
  'while(',
  "['a'+",
  'a[',
  '<?',
  '$a[',
  "'a'.'",
  'O:1:',
  'a://',
  'java.lang.',
  '${jndi',
  '%41',
  '%25',
  '%u0041',
  '\\u0041',
  '\\x41',
  '&#65;',
  '&amp;',
  '&lt',
  '+ADw-',
  '<!ENTITY ',
  '*)(',
  ')(a=',
  '$ne',
  '[$ne]',
  'rcpt to:',
  '\r\na-b:',
  '/etc/passwd',
  '\\..\\',
  'http://',
  'http://a@',
  'ignore all ',
  '<IMPORTANT> ',
  'ghp_',
  'eyJ',
  '-----BEGIN ',
  '[redacted:',
  '{"a":',
  '\u200ba',
]

const repeat = (part: string, length: number): string => part.repeat(Math.ceil(length / part.length)).slice(0, length)
const LONG = process.env['PORTCULLIS_LONG'] === '1'
/** Blocks of code and characters of native methods for each character of a text. What is quadratic needs half its length. */
const MOST_STEPS = 150
const LENGTH = 3000
const GROUP = 8

let counter: StepCounter
beforeAll(async () => {
  counter = await openStepCounter()
})
afterAll(() => counter.close())

const perCharacter = async (
  scan: (text: string) => unknown,
  parts: readonly string[],
  length: number,
): Promise<number> => {
  const texts = parts.map((part) => repeat(part, length))
  const steps = await counter.count(() => {
    for (const text of texts) scan(text)
  })
  return Math.round(steps / (length * parts.length))
}

describe('a character costs so many steps at most, however many there are and whatever they are', () => {
  it.each(Object.keys(SCANNERS))(
    '%s',
    async (name) => {
      const scan = SCANNERS[name] as (text: string) => unknown
      const bad: string[] = []
      for (let at = 0; at < PARTS.length; at += GROUP) {
        const parts = PARTS.slice(at, at + GROUP)
        const steps = await perCharacter(scan, parts, LENGTH)
        if (steps > MOST_STEPS) bad.push(`${JSON.stringify(parts)}: ${steps}`)
      }
      expect(bad).toEqual([])
    },
    120_000,
  )

  it.each(LONG ? Object.keys(SCANNERS) : [])(
    '%s, each part by itself, up to 1 MiB',
    async (name) => {
      const scan = SCANNERS[name] as (text: string) => unknown
      const bad: string[] = []
      for (const part of PARTS) {
        for (const length of [LENGTH, 100_000, 1_048_576]) {
          const steps = await perCharacter(scan, [part], length)
          if (steps > 8 * MOST_STEPS) bad.push(`${JSON.stringify(part)}: ${steps} at ${length}`)
          // What is quadratic would not come to an end.
          if (steps > 8 * MOST_STEPS) break
        }
      }
      expect(bad).toEqual([])
    },
    1_800_000,
  )

  it.each(LONG ? Object.keys(SCANNERS) : [])(
    '%s, any two marks',
    async (name) => {
      const scan = SCANNERS[name] as (text: string) => unknown
      const marks = [...'\'"`\\/<>()[]{}$%&;|#-=:.*+@!?~^ \n\0_0a\u200b\ufe0f']
      const bad: string[] = []
      for (const first of marks) {
        for (let at = 0; at < marks.length; at += GROUP) {
          const parts = marks.slice(at, at + GROUP).map((second) => first + second)
          const steps = await perCharacter(scan, parts, LENGTH)
          if (steps > 8 * MOST_STEPS) bad.push(`${JSON.stringify(parts)}: ${steps}`)
        }
      }
      expect(bad).toEqual([])
    },
    900_000,
  )

  it('a scanner that is quadratic in one of eight parts is caught', async () => {
    const quadratic = (text: string): void => {
      if (text.startsWith('a')) for (let i = 0; i < text.length; i++) text.indexOf('nowhere', i)
    }
    expect(await perCharacter(quadratic, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], LENGTH)).toBeGreaterThan(MOST_STEPS)
  })
})
