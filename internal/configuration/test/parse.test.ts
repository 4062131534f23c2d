import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConfigurationError } from '../src/errors.ts'
import { parseConfiguration } from '../src/parse.ts'
import { readConfiguration } from '../src/read.ts'

type Sources = Parameters<typeof parseConfiguration>[2]

const sources = (more: Partial<Sources> = {}): Sources => ({
  env: { NAME: 'from-env', EMPTY: '' },
  readFile: (path) => {
    if (path !== 'name.txt') throw new Error(`no ${path}`)
    return 'from-file\n'
  },
  openSecrets: () => (name) => {
    if (name !== 'known') throw new Error(`there is no secret "${name}"`)
    return 'from-secret'
  },
  ...more,
})
const parse = (text: string, more?: Partial<Sources>) => parseConfiguration(text, 'c.yaml', sources(more))
const refused = (text: string, more?: Partial<Sources>): string => {
  try {
    parse(text, more)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    expect((error as Error).message).not.toContain('\n')
    return (error as Error).message
  }
  throw new Error('it was taken')
}

describe('a configuration', () => {
  it('is YAML or JSON; nothing is a configuration too', () => {
    expect(parse('name: x')).toEqual({ name: 'x' })
    expect(parse('{"name":"x"}')).toEqual({ name: 'x' })
    expect(parse('')).toEqual({})
  })

  it.each<[string, string, RegExp]>([
    ['a word that nobody meant', 'name: x\nlissten: {}', /^c\.yaml:2: unknown key "lissten"; did you mean "listen"\?/],
    [
      'one further in',
      'auth:\n  apiKeys:\n    prefx: a',
      /^c\.yaml:3: unknown key "auth.apiKeys.prefx"; did you mean "prefix"/,
    ],
    [
      'one in a list',
      'policy:\n  rules:\n    - match: a\n      modus: x',
      /^c\.yaml:4: unknown key "policy\.rules\[0\]\.modus"/,
    ],
    [
      'one under a name',
      'upstreams:\n  files:\n    command: x\n    argz: []',
      /^c\.yaml:4: unknown key "upstreams\.files\.argz"; did you mean "args"/,
    ],
    ['a value of another type', 'listen:\n  port: http', /^c\.yaml:2: listen\.port: /],
    ['a key twice', 'name: a\nname: b', /^c\.yaml:2: /],
    ['YAML that is none', 'name: [', /^c\.yaml:\d: /],
    ['a list', '- a', /./],
    ['a name that no upstream can have', 'upstreams: { A_b: { command: x } }', /upstreams/],
    ['an upstream that is two', 'upstreams: { a: { command: x, url: "http://x/" } }', /unknown key|upstreams/],
    ['no issuers', 'auth: { oauth2: { issuers: [] } }', /auth\.oauth2\.issuers/],
    ['a pointer that is none', 'validation: { tools: { t: { path: { kind: text } } } }', /JSON pointer/],
  ])('is refused for %s, in one line that says where', (_name, text, message) => {
    expect(refused(text)).toMatch(message)
  })

  it.each<[string, string, RegExp]>([
    ['an alias of what it is in', 'a: &a {b: *a}', /^c\.yaml:1: a: is nested too deeply, or refers to itself$/],
    ['one in a list', 'name: x\na: &a [*a, *a]', /^c\.yaml:2: a: is nested too deeply, or refers to itself$/],
    ['an alias of nothing', 'a: *b', /^c\.yaml.*alias/],
    ['65 levels', `a: ${'['.repeat(65)}${']'.repeat(65)}`, /^c\.yaml: it is nested too deeply$/],
    ['20,000 lists', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, /^c\.yaml: it is nested too deeply$/],
    ['20,000 maps', `a: ${'{b: '.repeat(20_000)}1${'}'.repeat(20_000)}`, /^c\.yaml: it is nested too deeply$/],
    ['20,000 lists on a line', `a:\n  ${'- '.repeat(20_000)}1`, /^c\.yaml: it is nested too deeply$/],
    ['20,000 keys of keys', `${'? '.repeat(20_000)}1`, /^c\.yaml: it is nested too deeply$/],
    ['lists that never end', `a: ${'['.repeat(100_000)}`, /^c\.yaml: it is nested too deeply$/],
    [
      '1000 indented maps',
      Array.from({ length: 1000 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'),
      /^c\.yaml: it is nested too deeply$/,
    ],
    ['64 levels of what is nothing', `a: ${'['.repeat(63)}${']'.repeat(63)}`, /^c\.yaml:1: unknown key "a"/],
    ['a tag of another language', 'name: !!js/function "x"', /^c\.yaml:1: .*tag/],
    ['a tag of its own', 'listen:\n  host: !mine x', /^c\.yaml:2: .*tag/],
    ['a key with a line break', 'upstreams:\n  "a\\nb": { command: x }', /^c\.yaml:2: upstreams/],
  ])('is refused for %s, with the name of the file', (_name, text, message) => {
    expect(refused(text)).toMatch(message)
  })

  it('takes the tags and aliases of YAML itself', () => {
    expect(parse('name: !!str 5\nauth: { anonymous: &a [x] }\nlisten: { allowedHosts: *a }')).toEqual({
      name: '5',
      auth: { anonymous: ['x'] },
      listen: { allowedHosts: ['x'] },
    })
  })

  it('does not unfold what refers to itself without end', () => {
    const bomb = [
      'a: &a [x]',
      ...Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [*a${i ? i - 1 : ''}, *a${i ? i - 1 : ''}]`),
    ]
    expect(refused(bomb.join('\n'))).toMatch(/alias|unknown key/i)
  })
})

describe('references', () => {
  it('stand for variables, files and secrets, and are not looked for in what they stand for', () => {
    expect(parse('name: "a-${env:NAME}-${file:name.txt}"').name).toBe('a-from-env-from-file')
    expect(parse('name: secret://known').name).toBe('from-secret')
    expect(parse('name: "${env:NAME}"', { env: { NAME: '${file:name.txt}' } }).name).toBe('${file:name.txt}')
    expect(parse('name: "${env:NAME}"', { env: { NAME: 'secret://known' } }).name).toBe('secret://known')
  })

  it.each<[string, string, RegExp]>([
    ['a variable that is not set', 'name: "${env:MISSING}"', /^c\.yaml:1: name: .*"MISSING" is not set/],
    ['a file that is not there', 'listen:\n  host: "${file:none}"', /^c\.yaml:2: listen\.host: no none/],
    [
      'a secret that is not there',
      'redis:\n  url: secret://unknown',
      /^c\.yaml:2: redis\.url: there is no secret "unknown"/,
    ],
    ['what is no name of a secret', 'name: "secret://a b"', /does not name a secret/],
    ['a secret with more around it', 'name: "secret://known/../x"', /does not name a secret/],
  ])('are refused for %s', (_name, text, message) => {
    expect(refused(text)).toMatch(message)
  })

  it('to secrets are opened by what the section says, which can itself be no secret', () => {
    const opened: unknown[] = []
    const openSecrets: Sources['openSecrets'] = (options) => {
      opened.push(options)
      return () => 'x'
    }
    parse('name: secret://a\nredis: { url: secret://b }\nsecrets: { file: "${env:NAME}.json", keys: ["env:KEY"] }', {
      openSecrets,
    })
    expect(opened).toEqual([{ file: 'from-env.json', keys: ['env:KEY'] }])
    parse('name: x', { openSecrets })
    expect(opened).toHaveLength(1)
    expect(refused('name: secret://a\nsecrets: { file: secret://b }', { openSecrets })).toMatch(
      /cannot itself be secret/,
    )
  })

  it('never show what they stand for in an error', () => {
    const env = { NAME: 'hunter2' }
    expect(refused('listen: { port: "${env:NAME}" }', { env })).not.toContain('hunter2')
    expect(refused('log: { level: "${env:NAME}" }', { env })).not.toContain('hunter2')
    expect(refused('redis: { url: secret://known, nope: 1 }')).not.toContain('from-secret')
    for (const text of [
      'name: "${env:NAME}-LONG"',
      'operations: "${env:NAME}"',
      'audit: "${env:NAME}"',
      'auth: { apiKeys: { prefix: "${env:NAME}" } }',
      'auth: { apiKeys: { header: "a ${env:NAME}" } }',
      'listen: { path: "${env:NAME}" }',
      'listen: { allowedHosts: "${env:NAME}" }',
      'upstreams: { a: "${env:NAME}" }',
      'upstreams: { a: { command: x, isolation: "${env:NAME}" } }',
      'upstreams: { a: { command: x, args: "${env:NAME}" } }',
      'upstreams: { a: { url: "ftp://${env:NAME}/" } }',
      'validation: { tools: { t: { /p: { kind: "${env:NAME}" } } } }',
      'rateLimit: { anonymous: "${env:NAME}" }',
    ]) {
      expect(refused(text, { env: { NAME: `hunter2${'x'.repeat(200)}` } })).not.toContain('hunter2')
    }
  })
})

describe('headers of upstreams', () => {
  const withHeader = (name: string, value: string): string =>
    JSON.stringify({ upstreams: { a: { url: 'http://x/mcp', headers: { [name]: '${env:NAME}' } } }, name: value })
  const header = (name: string, value: string) => parse(withHeader(name, 'x'), { env: { NAME: value } })

  it.each([
    ['a line break', 'Bearer hunter2\nx'],
    ['a carriage return', 'hunter2\rx'],
    ['a null character', 'hunter2\0'],
    ['a control character', 'hunter2\u007f'],
    ['a character beyond Latin-1', 'hunter2\u2019'],
  ])('have no value with %s, and it is not shown', (_name, value) => {
    const message = refused(withHeader('Authorization', 'x'), { env: { NAME: value } })
    expect(message).toMatch(/^c\.yaml:1: upstreams\.a\.headers\.Authorization: has a character that no header can have/)
    expect(message).not.toContain('hunter2')
  })

  it.each(['', 'x y', 'x:y', 'Authorization: Bearer hunter2', 'x\ny', 'é'])('have no name such as %j', (name) => {
    const message = refused(withHeader(name, 'x'))
    expect(message).toMatch(/^c\.yaml:1: upstreams\.a\.headers: a name in it is not the name of a header$/)
    expect(message).not.toContain('hunter2')
  })

  it('are otherwise as they are', () => {
    for (const value of ['', 'Bearer a.b-c~+/=', 'a\tb', 'caf\u00e9'])
      expect(header("x-!#$%&'*+.^_`|~1", value).upstreams).toEqual({
        a: { url: 'http://x/mcp', headers: { "x-!#$%&'*+.^_`|~1": value } },
      })
  })
})

describe('URLs', () => {
  const places: [string, (url: string) => unknown][] = [
    ['upstreams.a.url', (url) => ({ upstreams: { a: { url } } })],
    ['listen.publicUrl', (url) => ({ listen: { publicUrl: url } })],
    ['auth.oauth2.issuers[0].issuer', (issuer) => ({ auth: { oauth2: { issuers: [{ issuer }] } } })],
    ...['authorization', 'token', 'introspection', 'jwks', 'revocation'].map(
      (name): [string, (url: string) => unknown] => [
        `auth.oauth2.issuers[0].endpoints.${name}`,
        (url) => ({ auth: { oauth2: { issuers: [{ issuer: 'https://as.test', endpoints: { [name]: url } }] } } }),
      ],
    ),
  ]

  it.each(places)('have nobody in them: %s', (place, configuration) => {
    const env = { NAME: 'hunter2' }
    for (const user of ['u:${env:NAME}', '${env:NAME}', ':${env:NAME}']) {
      const message = refused(JSON.stringify(configuration(`https://${user}@as.test/x`)), { env })
      expect(message).toBe(`c.yaml:1: ${place}: must be a URL without a user name or a password`)
    }
    expect(() => parse(JSON.stringify(configuration('https://as.test/x?a=b@c')))).not.toThrow()
  })

  it.each(places)('that are none are refused without being shown: %s', (place, configuration) => {
    for (const url of ['${env:NAME}', 'https://u:${env:NAME}@', 'https://[${env:NAME}']) {
      const message = refused(JSON.stringify(configuration(url)), { env: { NAME: 'hunter2' } })
      expect(message).toContain(`c.yaml:1: ${place}: `)
      expect(message).not.toContain('hunter2')
    }
  })
})

describe('reading', () => {
  const folder = (): string => {
    const dir = mkdtempSync(join(tmpdir(), 'portcullis-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    return dir
  }
  const openSecrets = () => () => 'x'

  it('finds the one file of a folder, and none is an empty configuration', () => {
    const dir = folder()
    expect(readConfiguration({ dir, env: {}, openSecrets })).toEqual({ configuration: {}, path: undefined })
    const path = join(dir, 'portcullis.json')
    writeFileSync(path, '{"name":"x"}', { mode: 0o600 })
    expect(readConfiguration({ dir, env: {}, openSecrets })).toEqual({ configuration: { name: 'x' }, path })
    writeFileSync(join(dir, 'portcullis.yaml'), 'name: y', { mode: 0o600 })
    expect(() => readConfiguration({ dir, env: {}, openSecrets })).toThrow(/keep one/)
  })

  it('takes files beside it that nobody else can read', () => {
    const dir = folder()
    writeFileSync(join(dir, 'portcullis.yaml'), 'name: "${file:name.txt}"', { mode: 0o600 })
    writeFileSync(join(dir, 'name.txt'), 'own', { mode: 0o600 })
    expect(readConfiguration({ dir, env: {}, openSecrets }).configuration.name).toBe('own')
    rmSync(join(dir, 'name.txt'))
    writeFileSync(join(dir, 'name.txt'), 'open', { mode: 0o644 })
    expect(() => readConfiguration({ dir, env: {}, openSecrets })).toThrow(/chmod/)
  })
})
