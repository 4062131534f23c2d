import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createValidator } from '../src/index.ts'

const validator = createValidator()

/** What the guard has something against, found the slow way. */
function holdsBanned(value: unknown): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21
  if (typeof value === 'string') return /\p{Surrogate}/u.test(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, child]) => key === '__proto__' || /\p{Surrogate}/u.test(key) || holdsBanned(child),
  )
}

const constructors = (value: unknown): boolean => JSON.stringify(value)?.includes('"constructor":{') ?? false

describe('checkText', () => {
  it('has nothing against what JSON.stringify writes', () => {
    const json = fc.jsonValue({ maxDepth: 10, stringUnit: 'binary' })
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        fc.pre(!holdsBanned(value) && !constructors(value))
        expect(validator.checkText(JSON.stringify(value, undefined, indent))).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('finds what is banned wherever it is', () => {
    const banned = fc.constantFrom(
      '1e999',
      '9007199254740993',
      '"\\ud800"',
      '{"__proto__":1}',
      '{"a":1,"a":1}',
      '{"constructor":{"prototype":0}}',
    )
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), banned, fc.nat(), (value, text, salt) => {
        const marked = JSON.stringify([value, { k: [`@${salt}@`, value] }])
        const raw = marked.replace(`"@${salt}@"`, text)
        const findings = validator.checkText(raw)
        expect(findings.some((finding) => finding.pointer.startsWith('/1/k/0') && finding.enforced)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('agrees with JSON.parse on what is JSON, and never throws', () => {
    const off = createValidator({ preset: 'off' })
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\u00e9"',
      '\\',
      '\\u',
      '1',
      '-',
      '0',
      '.',
      'e',
      '+',
      'true',
      'null',
      'f',
      ' ',
      '\n',
      '\u0000',
      'é',
      '\uD800',
    )
    const broken = fc.tuple(fc.json(), fc.nat(), fc.string()).map(([text, at, extra]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + extra + text.slice(place + 1)
    })
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      broken,
      fc.array(token, { maxLength: 12 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (raw) => {
        let parses = true
        try {
          JSON.parse(raw)
        } catch {
          parses = false
        }
        expect(off.checkText(raw).map(({ ruleId }) => ruleId)).toEqual(parses ? [] : ['json.syntax'])
        for (const { offset, excerpt } of validator.checkText(raw)) {
          expect(offset).toBeGreaterThanOrEqual(0)
          expect(offset).toBeLessThanOrEqual(raw.length)
          expect(excerpt.length).toBeLessThanOrEqual(80)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
