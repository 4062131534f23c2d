import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { beforeAll, expect, test, vi } from 'vitest'
import { createApiKeys, memoryStore, parseKey } from '../src/index.ts'

// Long enough for a machine that is busy; a pattern that goes back over what it read would need hours for a MiB.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const textOf = (name: string) => readFileSync(new URL(`../scanner/${name}`, import.meta.url), 'utf8')
const captured = (text: string, pattern: RegExp): string => {
  const [, value] = pattern.exec(text) ?? []
  if (value === undefined) throw new Error(`nothing matches ${pattern}`)
  return value
}

interface Scanner {
  /** As they stand in the file. */
  readonly patterns: readonly string[]
  readonly keywords: readonly string[]
  find(text: string): string[]
}

const firstGroup = (pattern: string) => (text: string) =>
  Array.from(text.matchAll(new RegExp(pattern, 'g')), ([, secret = '']) => secret)

const gitleaks = (file: string): Scanner => {
  const pattern = captured(file, /^regex = '''(.+)'''$/m)
  expect(file).toMatch(/^secretGroup = 1$/m)
  return { patterns: [pattern], keywords: [captured(file, /^keywords = \["(.+)"\]$/m)], find: firstGroup(pattern) }
}

const trufflehog = (file: string): Scanner => {
  const pattern = captured(file, /^ {4}regex:\n {6}key: '(.+)'$/m)
  return { patterns: [pattern], keywords: [captured(file, /^ {4}keywords:\n {6}- (.+)$/m)], find: firstGroup(pattern) }
}

interface GitHubForm {
  readonly secret_format: string
  readonly before_secret: string
  readonly after_secret: string
  readonly additional_match_requirements: { readonly must_match: string[]; readonly must_not_match: string[] }
  readonly test_string: string
}

const github = (file: string): Scanner => {
  const form = JSON.parse(file) as GitHubForm
  const before = form.before_secret.replace('\\A', '(?<![^])')
  const after = form.after_secret.replace('\\z', '(?![^])')
  const { must_match, must_not_match } = form.additional_match_requirements
  const wanted = (secret: string) =>
    must_match.every((pattern) => new RegExp(pattern).test(secret)) &&
    !must_not_match.some((pattern) => new RegExp(pattern).test(secret))
  const find = (text: string): string[] => {
    const pattern = new RegExp(`(?:${before})(${form.secret_format})(?:${after})`, 'dg')
    const found: string[] = []
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      found.push(match[1] ?? '')
      // What stands between two keys is behind the one and before the other: Hyperscan reports every match.
      pattern.lastIndex = match.indices?.[1]?.[1] ?? text.length
    }
    return found.filter(wanted)
  }
  return {
    patterns: [form.secret_format, form.before_secret, form.after_secret, ...must_match, ...must_not_match],
    keywords: [],
    find,
  }
}

const files: [name: string, read: (file: string) => Scanner][] = [
  ['gitleaks.toml', gitleaks],
  ['trufflehog.yaml', trufflehog],
  ['github-custom-pattern.json', github],
]
const scanners = files.map(([name, read]): [string, Scanner] => [name, read(textOf(name))])

const keys: string[] = []
const make = async (prefix: string, env: string, count: number): Promise<string[]> => {
  const made = createApiKeys({ store: memoryStore(), prefix, env })
  const texts: string[] = []
  for (let n = 0; n < count; n++) texts.push((await made.create({ name: `k${n}`, grants: ['*'] })).key)
  return texts
}
beforeAll(async () => {
  for (const env of ['live', 'test', 'a', 'staging', 'abcdefghijklmnop']) keys.push(...(await make('pck', env, 2000)))
})

const contexts: ((key: string) => string)[] = [
  (key) => key,
  (key) => `${key}\n`,
  (key) => `first line\n${key}\r\nlast line`,
  (key) => JSON.stringify({ headers: { 'X-API-Key': key } }),
  (key) => JSON.stringify(JSON.stringify({ key })),
  (key) => JSON.stringify({ file: `# keys\n${key}\n\tend` }),
  (key) => `{"key":"\\u0022${key}\\u0022"}`,
  (key) => `'\\x22${key}\\x22'`,
  (key) => `https://example.com/mcp?api_key=${key}&x=1`,
  (key) => `https://user:${key}@example.com/`,
  (key) => `https://example.com/${key}/x#part`,
  (key) => `?q=${encodeURIComponent(JSON.stringify({ key }))}`,
  (key) => `"${key}"`,
  (key) => `'${key}'`,
  (key) => `\`${key}\``,
  (key) => `export API_KEY=${key}`,
  (key) => `export API_KEY='${key}'; run`,
  (key) => `API_KEY=${key} node server.js`,
  (key) => `curl -H "X-API-Key: ${key}" -H 'Authorization: Bearer ${key.slice(0, 20)}'`,
  (key) => `Authorization: Bearer ${key}`,
  (key) => `key: ${key} # of Anna`,
  (key) => `<key>${key}</key>`,
  (key) => `a,${key};b`,
  (key) => `the key is ${key}.`,
  (key) => `${key.slice(0, 30)} ${key}`,
]

test.each(scanners)('%s finds every key of the package, wherever it stands', (_, scanner) => {
  expect(keys).toHaveLength(10_000)
  for (const [index, key] of keys.entries()) {
    const context = contexts[index % contexts.length] as (key: string) => string
    const text = context(key)
    expect([text, scanner.find(text)]).toEqual([text, [key]])
    for (const keyword of scanner.keywords) expect(text).toContain(keyword)
  }
  expect(scanner.find(keys.join(','))).toEqual(keys)
  expect(scanner.find(keys.join('\n'))).toEqual(keys)
  expect(scanner.find(keys[0] ?? '').map((key) => parseKey(key)?.prefix)).toEqual(['pck'])
})

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const blob = (bytes: number): Buffer =>
  Buffer.concat(Array.from({ length: bytes / 32 }, (_, n) => createHash('sha256').update(`blob ${n}`).digest()))
const letters = (count: number): string =>
  Array.from(blob(1024), (byte) => alphabet[byte % 62])
    .join('')
    .slice(0, count)

test.each(scanners)('%s finds nothing in what is no key', (_, scanner) => {
  const key = keys[0] ?? ''
  const code = key.slice(-61)
  const misses = [
    key.slice(0, -1),
    key.slice(1),
    `${key}0`,
    `${key}_`,
    `x${key}`,
    `7${key}`,
    `_${key}`,
    `not_a_${key}`,
    `x${key}x`,
    `%2${key}`,
    `u0022${key}`,
    `pck_live_${code.slice(1)}`,
    `pck_live_${code}A`,
    `pck_live_${code.slice(0, 30)}-${code.slice(31)}`,
    `pck_live_${code.slice(0, 30)}\n${code.slice(30)}`,
    `pck_LIVE_${code}`,
    `PCK_live_${code}`,
    `pck__${code}`,
    `pck_${'a'.repeat(17)}_${code}`,
    `pck_live1_${code}`,
    `pck-live-${code}`,
    `pck_${code}`,
    Buffer.from(keys.slice(0, 100).join('\n')).toString('base64'),
    blob(1_048_576).toString('base64'),
    blob(1_048_576).toString('base64url'),
    blob(1_048_576).toString('latin1'),
    `data:image/png;base64,${blob(1_048_576).toString('base64')}`,
  ]
  for (const miss of misses) expect([miss.slice(0, 100), scanner.find(miss)]).toEqual([miss.slice(0, 100), []])
})

test.each(scanners)('%s finds nothing in the keys of others', (_, scanner) => {
  // Put together here, so that no scanner takes this file for a leak.
  const of = (...parts: string[]) => parts.join('')
  const others = [
    of('sk_', 'live_', letters(24)),
    of('sk_', 'live_', letters(61)),
    of('pk_', 'live_', letters(61)),
    of('rk_', 'test_', letters(99)),
    of('whsec_', letters(32)),
    of('ghp_', letters(36)),
    of('github_', 'pat_', letters(22), '_', letters(59)),
    of('glpat-', letters(20)),
    of('npm_', letters(36)),
    of('xoxb-', '123456789012-', letters(24)),
    of('AKIA', letters(16).toUpperCase()),
    of('AIza', letters(35)),
    of('sk-ant-', 'api03-', letters(93)),
    of('sk-proj-', letters(61)),
    of('eyJ', letters(33), '.eyJ', letters(61), '.', letters(43)),
    of('hf_', letters(34)),
    of('dop_', 'v1_', letters(64)),
    of('SG.', letters(22), '.', letters(43)),
  ]
  for (const other of others) expect([other, scanner.find(`key="${other}"`)]).toEqual([other, []])
})

test.each(scanners)('%s needs time in proportion to the text, whatever the text', (_, scanner) => {
  const mebibyte = (part: string) => part.repeat(Math.ceil(1_048_576 / part.length))
  const texts = ['pck_live_', 'pck_', 'pck', 'a', 'A', '_', '%22', '\\n', '\\u0022pck_a_', 'pck_live_0123456789'].map(
    mebibyte,
  )
  for (const text of [...texts, `pck_live_${mebibyte('0')}`, `pck_${mebibyte('a')}`]) {
    expect([text.slice(0, 40), scanner.find(text)]).toEqual([text.slice(0, 40), []])
  }
})

/** What JavaScript, RE2 and Hyperscan read alike, and nobody needs to go back for: no lookaround, no backreference, every repetition counted. */
const beyondTheCommon = (pattern: string): string | undefined => {
  const rest = pattern
    .replace(/\\(?:[bAz\\.nrt])/g, '')
    .replace(/\[\^?(?:[0-9A-Za-z_](?:-[0-9A-Za-z])?)+\]/g, 'c')
    .replace(/\{(?:[1-9]\d{0,2})(?:,[1-9]\d{0,2})?\}/g, '')
    .replaceAll('(?:', '(')
  return /[\\[\]{}*+?.^$]/.exec(rest)?.[0]
}

test.each(scanners)('%s is written in what every scanner reads alike', (_, { patterns }) => {
  for (const pattern of patterns) {
    expect([pattern, beyondTheCommon(pattern)]).toEqual([pattern, undefined])
    expect(() => new RegExp(pattern)).not.toThrow()
  }
})

test('what some scanner does not read is not of that kind', () => {
  const beyond = [
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(?<!a)',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    '(?>a)',
    'a++',
    'a*',
    'a+',
    'a?',
    'a{2,}',
    'a{1001}',
  ]
  for (const pattern of [...beyond, '\\Ka', '\\d', '(?i)a', '.', '^a', 'a$', '[[:alpha:]]', '\\p{L}']) {
    expect([pattern, beyondTheCommon(pattern)]).not.toEqual([pattern, undefined])
  }
})

test.each(files)('%s looks for another prefix when it is put in the place of "pck"', async (name, read) => {
  const scanner = read(textOf(name).replaceAll('pck', 'my_org'))
  const others = await make('my_org', 'live', 100)
  expect(scanner.find(others.join(' '))).toEqual(others)
  expect(scanner.keywords.every((keyword) => others[0]?.includes(keyword))).toBe(true)
  expect(scanner.find(keys.slice(0, 100).join(' '))).toEqual([])
})

test('the test string of the GitHub form is found, and is no key', () => {
  const form = JSON.parse(textOf('github-custom-pattern.json')) as GitHubForm
  for (const [, scanner] of scanners) {
    const [found, ...more] = scanner.find(form.test_string)
    expect(more).toEqual([])
    expect(found).toContain('EXAMPLE')
    expect(parseKey(found ?? '')).toBeUndefined()
  }
})
