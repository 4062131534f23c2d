import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createValidator, type ValueKind } from '../src/index.ts'

interface Sample {
  readonly kind?: ValueKind
  readonly payload: string
  readonly label: string
  readonly class: string
}

const sample =
  (label: string) =>
  (payload: string): Sample => ({ payload, label, class: 'built-in' })

/** Enough to see that the tests run where the corpora are not. */
const BUILT_IN = {
  attacks: [
    '../../etc/passwd',
    '..\\..\\x',
    '<script>alert(1)</script>',
    "1' UNION SELECT password FROM users--",
    'eval(atob(x))',
  ].map(sample('attack')),
  benign: [
    'Please summarise the report of last week.',
    'SELECT name FROM unions WHERE id = 1',
    'import { x } from "../src/index.ts"',
    '<script src="app.js"></script>',
    'The European Union will select a city. eval() is evil.',
    '日本語 – “quotes”, emoji 👩‍👩‍👧 and tabs\t\n',
  ].map(sample('benign')),
}

function load(): { attacks: Sample[]; benign: Sample[] } {
  const repository = join(import.meta.dirname, '../../..')
  const named = process.env['PORTCULLIS_TEST_DATA']
  const folder = join(named ?? join(repository, '../shared'), 'corpora/dev')
  if (!existsSync(join(folder, 'attacks.jsonl'))) {
    // Who names a folder means it; CI does (.ci/run).
    if (named !== undefined)
      throw new Error(`the corpora are missing: PORTCULLIS_TEST_DATA has no ${JSON.stringify(folder)}`)
    console.warn(
      '\n\n*** NO CORPORA: only a built-in list of a few payloads is tested. Set PORTCULLIS_TEST_DATA. ***\n\n',
    )
    return BUILT_IN
  }
  const read = (file: string): Sample[] =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Sample)
  return { attacks: read('attacks.jsonl'), benign: read('benign.jsonl') }
}

const { attacks, benign } = load()

/** The specification's patterns, on one string as JSON writes it. */
const REFERENCE = [/\.\.\//i, /<script/i, /union.*select/i, /eval\(/i]
const caughtByReference = (payload: string): boolean =>
  REFERENCE.some((pattern) => pattern.test(JSON.stringify(payload)))

describe('corpora', { timeout: 240_000 }, () => {
  it('strict catches every attack that the reference patterns catch, and more', () => {
    const strict = createValidator({ preset: 'strict' })
    const expected = attacks.filter(({ payload }) => caughtByReference(payload))
    const missed: string[] = []
    let caught = 0
    for (const { payload } of attacks) {
      const findings = strict.checkCall({ server: 'local', tool: 't', arguments: { value: payload } })
      const enforced = findings.some((finding) => finding.enforced && finding.pointer === '/value')
      if (enforced) caught++
      else if (caughtByReference(payload)) missed.push(payload)
    }
    expect(missed).toEqual([])
    expect(expected.length).toBeGreaterThan(0)
    expect(caught).toBeGreaterThan(expected.length - (attacks.length < 10 ? 1 : 0))
  })

  it('the kind string enforces the same in standard', () => {
    const standard = createValidator()
    const missed = attacks.filter(
      ({ payload }) => caughtByReference(payload) && standard.checkValue(payload, 'string').length === 0,
    )
    expect(missed).toEqual([])
  })

  it('standard enforces nothing on any benign payload', () => {
    const standard = createValidator()
    const blocked: unknown[] = []
    for (const { payload, class: group } of benign) {
      const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 't', arguments: { value: payload } } }
      const findings = [
        ...standard.checkText(JSON.stringify(call)),
        ...standard.checkCall({ server: 'local', tool: 't', arguments: { value: payload } }),
        ...standard.checkValue(payload, 'text'),
        ...standard.checkResult({ server: 'local', result: { content: [{ type: 'text', text: payload }] } }),
      ]
      for (const finding of findings) if (finding.enforced) blocked.push({ group, finding })
    }
    expect(blocked).toEqual([])
    expect(benign.length).toBeGreaterThan(5)
  })

  it('by kind, most attacks of every class are refused and hardly an honest value', () => {
    // Floors below what was measured (README): a change that costs more than a point is to be seen here.
    const floors: Readonly<Record<string, number>> = {
      sqli: 0.97,
      xss: 0.98,
      cmdi: 0.97,
      path: 0.999,
      path_encoded: 0.995,
      path_absolute: 0.97,
      ssrf: 0.995,
      ssti: 0.98,
      php: 0.95,
      nodejs_generic: 0.95,
      xxe: 0.99,
      ssi: 0.99,
      java: 0.99,
      unicode_smuggling: 1,
      tool_poisoning: 0.8,
    }
    const standard = createValidator()
    const shares = (samples: readonly Sample[]): Map<string, [seen: number, of: number]> => {
      const counts = new Map<string, [number, number]>()
      for (const { payload, kind, class: group } of samples) {
        if (kind === undefined) continue
        const count = counts.get(group) ?? [0, 0]
        counts.set(group, count)
        count[1]++
        if (standard.checkValue(payload, kind).length > 0) count[0]++
      }
      return counts
    }
    const below = [...shares(attacks.filter(({ label }) => label === 'attack'))].filter(
      ([group, [seen, of]]) => seen / of < (floors[group] ?? 0),
    )
    expect(below).toEqual([])
    const refused = [...shares(benign.filter(({ label }) => label === 'benign'))].filter(
      ([group, [seen, of]]) => seen / of > (group === 'fp_corner' ? 0.03 : 0),
    )
    expect(refused).toEqual([])
  })

  it('off finds nothing at all', () => {
    const off = createValidator({ preset: 'off' })
    for (const { payload } of [...attacks, ...benign]) {
      expect(off.checkCall({ server: 'local', tool: 't', arguments: { [payload]: payload } })).toEqual([])
    }
  })
})
