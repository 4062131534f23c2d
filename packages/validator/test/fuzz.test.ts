import { describe, expect, it } from 'vitest'
import { createValidator, type ValueKind } from '../src/index.ts'
import { VALUE_KINDS } from '../src/kinds/compile.ts'
import { neutralise } from '../src/results/neutralise.ts'
import { findSecrets } from '../src/results/secrets.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'
const CASES = LONG ? 1_000_000 : 6000

/** xorshift32: the same cases for the same seed, on every machine. */
function random(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const PARTS = [
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
  '--',
  '=',
  ':',
  '.',
  '..',
  '*',
  '+',
  '@',
  '@@',
  '!',
  '?',
  '~',
  '^',
  ' ',
  '\n',
  '\r\n',
  '\0',
  '0',
  '1',
  'a',
  'or',
  ' and ',
  'union',
  ' select ',
  'from',
  'where',
  'case',
  'when',
  'then',
  'end',
  'sleep(',
  'char(',
  ')--',
  '/*',
  '*/',
  '/*!',
  '0x',
  '1e',
  'script',
  'onerror',
  'javascript:',
  'data:',
  'expression',
  'cat',
  '/etc/passwd',
  'sh -c',
  '$(',
  '${',
  '{{',
  '}}',
  '{%',
  '<%',
  '#{',
  '<?',
  '<?php',
  '<!--',
  '<![CDATA[',
  '<!ENTITY',
  'http://',
  '127.0.0.1',
  '[::1]',
  'file:',
  '%2e',
  '%25',
  '%u0041',
  '\\u0041',
  '\\x',
  '&#',
  '&#x41;',
  '&lt;',
  '+ADw-',
  '\u200b',
  '\u202e',
  '\ufe0f',
  '\u{e0041}',
  '\ud83c\udff4',
  '\ud800',
  '\udc00',
  'é',
  '李',
  'م',
  '１',
  'ﷺ',
  '\u0300',
  '\u{10ffff}',
  'if',
  'for',
  'in',
  'do',
  'exist',
  'process',
  'window',
  '["',
  '"]',
  'constructor',
  'function',
  'java.lang',
  'jndi:',
  '$ne',
  '*)(',
  'RCPT TO:',
  '[redacted:',
  'ghp_',
  'eyJ',
  '-----BEGIN PRIVATE KEY-----',
  'ignore all previous instructions',
  '<IMPORTANT>',
  'C:\\',
  '\\\\',
  'con',
  '(a+)+',
  '[^',
  '\\1',
]

function textOf(next: () => number): string {
  let text = ''
  for (let n = next() % 14; n >= 0; n--)
    text += next() % 9 === 0 ? String.fromCharCode(next() & 0xffff) : (PARTS[next() % PARTS.length] as string)
  return text
}

function valueOf(next: () => number, depth: number): unknown {
  switch (next() % (depth > 4 ? 6 : 9)) {
    case 0:
      return null
    case 1:
      return next() % 2 === 0
    case 2:
      return next() / 7
    case 3:
      return next() % 5 === 0 ? Number.NaN : -next()
    case 6:
    case 7:
      return Array.from({ length: next() % 4 }, () => valueOf(next, depth + 1))
    case 8: {
      const made: Record<string, unknown> = {}
      for (let n = next() % 4; n > 0; n--)
        Object.defineProperty(made, textOf(next), {
          value: valueOf(next, depth + 1),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      return made
    }
    default:
      return textOf(next)
  }
}

describe(`fuzz, ${CASES} cases`, () => {
  const tools = {
    t: Object.fromEntries(
      VALUE_KINDS.map((kind) => [
        `/${kind}`,
        kind === 'sql'
          ? { kind, readOnly: true }
          : kind === 'command'
            ? { kind, argv: true }
            : kind === 'html'
              ? { kind, scripts: false }
              : { kind },
      ]),
    ),
  } as never
  const validators = [
    createValidator({ tools }),
    createValidator({ preset: 'strict', tools }),
    createValidator({ preset: 'off' }),
  ]

  it('whatever comes, the answer is findings', () => {
    const next = random(20_261_129)
    for (let i = 0; i < CASES; i++) {
      const validator = validators[i % 3] as (typeof validators)[number]
      const text = textOf(next)
      const kind = VALUE_KINDS[next() % VALUE_KINDS.length] as ValueKind
      const findings = validator.checkValue(text, kind)
      for (const { excerpt, pointer, enforced, message } of findings) {
        if (excerpt.length > 80 || pointer !== '' || !enforced || message === '')
          expect.fail(`case ${i}: ${JSON.stringify({ text, kind, findings })}`)
      }
      if (i % 4 === 0) {
        const value = valueOf(next, 0)
        const call = validator.checkCall({
          server: 'local',
          tool: 't',
          arguments: { [kind]: value, other: value },
          schema: value,
        })
        const again = validator.checkCall({
          server: 'local',
          tool: 't',
          arguments: { [kind]: value, other: value },
          schema: value,
        })
        if (JSON.stringify(call) !== JSON.stringify(again)) expect.fail(`case ${i}: two answers for one call`)
        const { result, changed } = validator.protectResult({ server: 'local', tool: 't', result: value })
        if (changed === (result === value)) expect.fail(`case ${i}: changed says other than the result`)
      }
      if (i % 4 === 1) {
        const raw = next() % 2 === 0 ? text : JSON.stringify({ [text]: text })
        const syntax = validator.checkText(raw).some(({ ruleId }) => ruleId === 'json.syntax')
        let parses = true
        try {
          JSON.parse(raw)
        } catch {
          parses = false
        }
        if (syntax === parses) expect.fail(`case ${i}: ${JSON.stringify(raw)} is JSON for one and not for the other`)
      }
      if (i % 4 === 2) {
        const clean = neutralise(text)
        if (neutralise(clean) !== clean) expect.fail(`case ${i}: ${JSON.stringify(text)} is not clean`)
        let last = 0
        for (const { at, end } of findSecrets(text + text)) {
          if (at < last || end <= at) expect.fail(`case ${i}: secrets overlap`)
          last = end
        }
      }
    }
  }, 1_800_000)
})
