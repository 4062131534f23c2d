import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formsOf } from '../src/decode/forms.ts'
import { scanTripwire } from '../src/scan/tripwire.ts'

/** The four patterns in every form of a value, each once. */
const ids = (value: string): string[] => {
  const found = new Set<string>()
  for (const { text } of formsOf(value).forms)
    scanTripwire(text, (ruleId) => found.add(ruleId.slice('pattern.'.length)))
  return [...found]
}

describe('findPatterns', () => {
  it.each([
    ['../etc/passwd', ['path_traversal']],
    ['..\\windows', ['path_traversal']],
    ['a/..%2fb', ['path_traversal']],
    ['%2e%2e%2f', ['path_traversal']],
    ['%2E%2e/', ['path_traversal']],
    ['..%5c', ['path_traversal']],
    ['&#46;&#46;&#47;', ['path_traversal']],
    ['&#x2e;&#x2E;&sol;', ['path_traversal']],
    ['&#0000046&#0000046/', ['path_traversal']],
    ['%26%2346;./', ['path_traversal']],
    ['.../', ['path_traversal']],
    ['<script>', ['script_tag']],
    ['<ScRiPt src=x>', ['script_tag']],
    ['%3Cscript', ['script_tag']],
    ['&lt;script', ['script_tag']],
    ['&ltscript', ['script_tag']],
    ['&LT;SCRIPT&GT;', ['script_tag']],
    ["' UNION ALL SELECT 1--", ['union_select']],
    ['union\nselect', ['union_select']],
    ['unionselect', ['union_select']],
    ['union%0aselect', ['union_select']],
    ['reunion of the selected', ['union_select']],
    [`union${' '.repeat(10_000)}select`, ['union_select']],
    ['un%69on select', ['union_select']],
    ['eval(x)', ['eval_call']],
    ['EVAL(', ['eval_call']],
    ['medieval(', ['eval_call']],
    ['eval%28', ['eval_call']],
    ['eval&lpar;', ['eval_call']],
    ['../<script>union select eval(', ['path_traversal', 'script_tag', 'union_select', 'eval_call']],
  ])('%j', (value, expected) => {
    expect(ids(value)).toEqual(expected)
  })

  it.each([
    '',
    '..',
    './',
    'a..b/c',
    '.. /',
    'script',
    '< script',
    '<scrip',
    'select union',
    'union',
    'selectunio',
    'eval',
    'eval (',
    'evaluate',
    '%',
    '%2',
    '%zz',
    '&',
    '&;',
    '&#',
    '&#;',
    '&#x;',
    '&#99999999999;',
    '&#xffffffffffffffffffffff;',
    '%2e',
    '. ./',
    'ſelect union',
  ])('nothing in %j', (value) => {
    expect(ids(value)).toEqual([])
  })

  it('says where', () => {
    const places: [string, number][] = []
    scanTripwire('ab../ <SCRIPT eval(union all select', (ruleId, at) => places.push([ruleId, at]))
    expect(places).toEqual([
      ['pattern.path_traversal', 2],
      ['pattern.script_tag', 6],
      ['pattern.union_select', 19],
      ['pattern.eval_call', 14],
    ])
  })

  it('finds at least what the four regular expressions find', () => {
    const rules: [RegExp, string][] = [
      [/\.\.\//i, 'path_traversal'],
      [/<script/i, 'script_tag'],
      [/union.*select/is, 'union_select'],
      [/eval\(/i, 'eval_call'],
    ]
    const piece = fc.constantFrom(
      '.',
      '/',
      '..',
      '<',
      'script',
      'SCR',
      'ipt',
      'union',
      'UNI',
      'on',
      'select',
      'sel',
      'ect',
      'eval',
      '(',
      'u',
      's',
      'e',
      '\n',
      ' ',
      '%2e',
      '%',
      '&lt;',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const value = pieces.join('')
        const found = ids(value)
        for (const [rule, id] of rules) if (rule.test(value)) expect(found).toContain(id)
        if (!/[%&]/.test(value))
          for (const id of found) expect(rules.find(([, name]) => name === id)?.[0].test(value)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('ends on what makes regular expressions hang', () => {
    for (const part of ['union ', '%2e', '&#46;', '&', '%', '<', '..', '%26%23', 'eval', '&#x', '%25']) {
      expect(ids(part.repeat(1_048_576 / part.length)).length).toBeLessThanOrEqual(4)
    }
  })
})
