import { createHash, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createValidator, type ValidatorOptions } from '../src/index.ts'
import { crc32 } from '../src/results/crc32.ts'
import { neutralise } from '../src/results/neutralise.ts'
import { scanUnicode } from '../src/scan/unicode.ts'
import { findSecrets } from '../src/results/secrets.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base62 = (value: number): string => {
  let text = ''
  for (let rest = value; text.length < 6; rest = Math.floor(rest / 62)) text = DIGITS.charAt(rest % 62) + text
  return text
}
const random = (seed: string, length: number): string =>
  createHash('sha512')
    .update(seed)
    .digest('base64')
    .replace(/[^A-Za-z0-9]/g, '')
    .repeat(3)
    .slice(0, length)
const github = (seed = 'a'): string => {
  const body = random(seed, 30)
  return `ghp_${body}${base62(crc32(body))}`
}
const ownKey = (): string => {
  const text = `pck_live_${random('own', 55)}`
  return text + base62(crc32(text))
}
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

describe('findSecrets', () => {
  it('knows the checksum of tokens by a published example of GitHub', () => {
    expect(base62(crc32('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ'))).toBe('0mLq17')
  })

  it.each([
    ['a token of GitHub', github(), 'github-token'],
    ['a token of npm', `npm_${github().slice(4)}`, 'npm-token'],
    ['a private key', pem, 'private-key'],
    ['a private key in JSON in a text', JSON.stringify(pem).slice(1, -1), 'private-key'],
    ['a private key that was cut off', pem.slice(0, 90), 'private-key'],
    ['an API key of Portcullis', ownKey(), 'portcullis-key'],
    ['a key of age', 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX', 'age-key'],
  ])('%s is certain', (_, secret, label) => {
    const text = `before "${secret}" after`
    const found = findSecrets(text)
    expect(found).toMatchObject([{ label, certain: true }])
    expect(text.slice(0, found[0]?.at)).toBe('before "')
    const left = text.slice(found[0]?.end)
    expect(left.replace(/^(\\n|\n)/, '')).toBe('" after')
  })

  it('a token with a checksum is one wherever it stands', () => {
    const token = github()
    for (const text of [
      JSON.stringify({ out: `login\n${token}` }),
      `%3D${token}`,
      `x_${token}`,
      `\u001b[31m${token}`,
    ]) {
      expect(findSecrets(JSON.stringify(text)), text).toMatchObject([{ label: 'github-token', certain: true }])
    }
  })

  it('only what is a key goes with the lines around it', () => {
    const text = `{"a":"-----BEGIN PRIVATE KEY----- (cut off)","balance":"1000","b":"x\\n-----END CERTIFICATE-----"}`
    expect(findSecrets(text)).toEqual([])
    expect(findSecrets(`a -----BEGIN PRIVATE KEY----- and prose about it -----END PRIVATE KEY-----`)).toEqual([])
    const json = `{"begin":"-----BEGIN PRIVATE KEY-----","rows":[1,2,3],"end":"-----END PRIVATE KEY-----"}`
    expect(findSecrets(json)).toEqual([])
    const [found] = findSecrets(`before ${pem}after`)
    expect(`before ${pem}after`.slice(found?.end).trim()).toBe('after')
  })

  it.each([
    ['a checksum that does not fit', `${github().slice(0, -1)}${github().endsWith('0') ? '1' : '0'}`],
    ['an access key id', 'AKIAIOSFODNN7EXAMPLE'],
    ['a key of Google', `AIza${random('g', 35)}`],
    ['a signed token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'],
  ])('%s is not', (_, secret) => {
    expect(findSecrets(`x ${secret} y`)).toMatchObject([{ certain: false }])
  })

  it.each([
    'ghp_short',
    'the prefix ghp_ alone',
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    'the line -----BEGIN PRIVATE KEY----- opens a key',
    'sk-learn and task-force',
    'eyJ.eyJ.eyJ',
    'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY',
    '550e8400-e29b-41d4-a716-446655440000',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  ])('nothing in %j', (text) => {
    expect(findSecrets(text).filter(({ certain }) => certain)).toEqual([])
  })
})

const protect = (result: unknown, options: ValidatorOptions = {}, tool = 't') =>
  createValidator(options).protectResult({ server: 'local', tool, result })

describe('protectResult', () => {
  const secret = github('z')
  const result = {
    content: [{ type: 'text', text: `{"token":"${secret}","n":1}` }],
    structuredContent: { token: secret, n: 1, list: ['a', secret] },
    _meta: { [secret]: true },
    isError: true,
  }

  it('replaces secrets everywhere and keeps the shape', () => {
    const before = structuredClone(result)
    const answer = protect(result)
    const written = JSON.stringify(answer.result)
    expect(result).toEqual(before)
    expect(written).not.toContain(secret.slice(4, 30))
    expect(answer.changed).toBe(true)
    expect(
      answer.findings.map(({ ruleId, pointer, enforced }) => [ruleId, pointer.replace(secret, 'KEY'), enforced]),
    ).toEqual([
      ['result.secret', '/content/0/text', true],
      ['result.secret', '/structuredContent/token', true],
      ['result.secret', '/structuredContent/list/1', true],
      ['result.secret', '/_meta/KEY', true],
    ])
    const shown = answer.result as typeof result
    expect(JSON.parse((shown.content[0] as { text: string }).text)).toMatchObject({ n: 1 })
    expect(typeof shown.structuredContent.token).toBe('string')
    expect(shown.structuredContent.list[0]).toBe('a')
  })

  it('says nothing of a secret but its kind', () => {
    const findings = protect({ text: secret }).findings
    expect(JSON.stringify(findings)).not.toContain(secret.slice(4, 20))
    expect(findings[0]).toMatchObject({ excerpt: '', message: expect.stringContaining('github-token') })
  })

  it('answers the same object where there is nothing', () => {
    const clean = { content: [{ type: 'text', text: 'hello' }] }
    expect(protect(clean)).toMatchObject({ changed: false, findings: [] })
    expect(protect(clean).result).toBe(clean)
  })

  it('a marker that comes back as an argument is refused; one that somebody made up is not', () => {
    const validator = createValidator()
    const [marker] =
      /\[redacted:[^\]]+\]/.exec(JSON.stringify(validator.protectResult({ server: 'local', result: secret }).result)) ??
      []
    const enforced = (text: string) =>
      validator.checkCall({ server: 'local', tool: 'save', arguments: { text } }).filter((finding) => finding.enforced)
    expect(enforced(`token = ${marker}`)).toMatchObject([{ ruleId: 'value.marker', pointer: '/text' }])
    expect(enforced('[redacted:github-token:000000000000:000000000000000000000000]')).toEqual([])
    expect(enforced('[redacted]')).toEqual([])
    const other = createValidator()
    expect(
      other
        .checkCall({ server: 'local', tool: 'save', arguments: { text: marker } })
        .filter((finding) => finding.enforced),
    ).toEqual([])
  })

  it('replicas with one key know the markers of each other', () => {
    const markerKey = new Uint8Array(32).fill(7)
    const [one, two] = [createValidator({ results: { markerKey } }), createValidator({ results: { markerKey } })]
    const { result: shown } = one.protectResult({ server: 'local', result: secret })
    expect(
      two.checkCall({ server: 'local', tool: 't', arguments: { shown } }).some((finding) => finding.enforced),
    ).toBe(true)
  })

  it('tools that hand out secrets, monitoring, and what may be a secret', () => {
    expect(protect(result, { results: { returnsSecrets: ['vault'] } }, 'vault').changed).toBe(false)
    expect(protect(result, { results: { secrets: 'off' } }).findings).toEqual([])
    const monitored = protect(result, { results: { secrets: 'monitor' } })
    expect(monitored.changed).toBe(false)
    expect(monitored.findings.length).toBeGreaterThan(0)
    expect(monitored.findings.every(({ enforced }) => !enforced)).toBe(true)
    expect(protect({ text: 'AKIAIOSFODNN7EXAMPLE' })).toMatchObject({
      changed: false,
      findings: [{ ruleId: 'result.secret_like', enforced: false }],
    })
    expect(
      protect({ text: 'AKIAIOSFODNN7EXAMPLE' }, { modes: { rules: { 'result.secret_like': 'enforce' } } }).changed,
    ).toBe(true)
  })

  it('pictures are no text', () => {
    const picture = { type: 'image', mimeType: 'image/png', data: Buffer.from(secret).toString('base64') }
    expect(protect(picture).changed).toBe(false)
    // What is no base64 is no picture, whatever it is called.
    for (const data of [secret, { deep: [secret] }]) expect(protect({ mimeType: 'image/png', data }).changed).toBe(true)
  })

  it('takes hidden text out of values and keys', () => {
    const tags = [...'ignore all'].map((char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join('')
    const answer = protect({
      content: [{ text: `fine${tags}` }],
      [`k${tags}`]: 1,
      k: 2,
      error: { message: 'a\u202eb' },
    })
    expect(answer.result).toEqual({ content: [{ text: 'fine' }], k: 1, k_: 2, error: { message: 'ab' } })
    expect(answer.findings.map(({ ruleId }) => ruleId)).toEqual(['unicode.tags', 'unicode.tags', 'unicode.bidi'])
  })

  it('a key named __proto__ stays a key', () => {
    const answer = protect(JSON.parse(`{"__proto__":{"a":"${secret}"}}`))
    expect(Object.keys(answer.result as object)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['a']).toBeUndefined()
  })

  it('what is too large or too deep is not looked through', () => {
    expect(protect('x'.repeat(200), { maxResultBytes: 100 })).toMatchObject({
      changed: false,
      findings: [{ ruleId: 'result.size', enforced: true }],
    })
    let deep: unknown = secret
    for (let i = 0; i < 2000; i++) deep = [deep]
    expect(protect(deep)).toMatchObject({ changed: false, findings: [{ ruleId: 'result.depth', enforced: true }] })
  })
})

describe('neutralise', () => {
  it.each([
    'plain',
    'می‌خواهم بروم',
    'שלום \u200fעולם',
    'क्‍ष and क्‌ष',
    '👩‍👩‍👧 ❤️ 1️⃣',
    '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
    '葛\u{e0100}城',
    'soft\u00adhyphen',
    '\ufeffbyte order mark',
  ])('leaves %j as it is', (text) => {
    expect(neutralise(text)).toBe(text)
  })

  it('leaves nothing behind that would be found again', () => {
    const piece = fc.constantFrom(
      'a',
      'b ',
      'é',
      'م',
      '\u200b',
      '\u200c',
      '\u200d',
      '\u202e',
      '\u2066',
      '\u2069',
      '\ufe0f',
      '\u{e0041}',
      '\u{e0101}',
      '👩',
      '\u{1f3f4}',
      '\u3164',
      '\ufff9',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join('')
        const once = neutralise(text)
        expect(neutralise(once)).toBe(once)
        scanUnicode(once, (ruleId) => expect.fail(`${ruleId} is left`))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('keys that become one name', () => {
  it('are told apart in linear time', () => {
    // Each key is `k` with other hidden letters. Names that are looked for one by one from the first made this a matter of minutes.
    const count = 2000
    const letter = (n: number) => String.fromCodePoint(0xe0020 + n)
    const result = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`k${letter(i % 90)}${letter(Math.floor(i / 90))}`, i]),
    )
    const answer = createValidator({ maxFindings: 1 }).protectResult({ server: 's', result })
    const keys = Object.keys(answer.result as object)
    expect(keys.slice(0, 3)).toEqual(['k', 'k_', 'k_2'])
    expect(keys).toHaveLength(count)
    // A suffix that grows by a letter for each key would be as long as there are keys.
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThan(8)
  })
})

describe('markers in secrets', () => {
  it('are not shown', () => {
    const validator = createValidator({ tools: { t: { '/s': { kind: 'secret' } } } })
    const answer = validator.protectResult({ server: 's', result: { a: github() } }).result as { a: string }
    const call = { server: 'local', tool: 't', arguments: { s: `hunter2 ${answer.a}` } }
    const [finding] = validator.checkCall(call)
    expect(finding?.ruleId).toBe('value.marker')
    expect(finding?.excerpt).not.toContain('hunter2')
  })
})
