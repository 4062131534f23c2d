import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type Config, ConfigError, createConfig, keys, openConfigSync } from '../src/index.ts'
import { failureOf, freshFolder, isLong, put } from './scratch.ts'

const key = randomBytes(32)
const sources = [keys.raw(key)] as const
let path: string
let text: string
let older: string

type Members = Record<string, any>

const open = (content: string, minRev = 0): Config =>
  openConfigSync(put(join(freshFolder(), 'c.json'), content), { keys: sources, minRev })

beforeAll(async () => {
  path = join(freshFolder(), 'app.json')
  const config = await createConfig(path, { keys: sources, secrets: ['db_password', '/providers/*/apiKey'] })
  await config.update((draft) => {
    draft.set('db_password', 'correct horse')
    draft.set('payments_url', 'https://pay.example/')
    draft.set('note', 'attacker controlled')
    draft.set('host', 'ab', { sealed: false })
    draft.set('path', 'c', { sealed: false })
    draft.set('port', 8080, { sealed: false })
    draft.set('nothing', null, { sealed: false })
    draft.set('list', ['x', 'y', { a: { b: 1 } }], { sealed: false })
    draft.set(
      'providers',
      [
        { name: 'a', apiKey: 'key of a' },
        { name: 'b', apiKey: 'key of b' },
      ],
      { sealed: false },
    )
  })
  older = readFileSync(path, 'utf8')
  await config.set('db_password', 'battery staple')
  text = readFileSync(path, 'utf8')
})

/** The file with its members changed, written again as a whole. */
const edited = (edit: (file: Members) => void): string => {
  const file = JSON.parse(text) as Members
  edit(file)
  return JSON.stringify(file, null, 2)
}

const flip = (base64: string, at: number): string => {
  const bytes = Buffer.from(base64, 'base64url')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toString('base64url')
}
const flipValue = (value: string, at: number): string => value.slice(0, 18) + flip(value.slice(18), at)

const classes: Record<string, () => string> = {
  'two sealed values exchanged': () =>
    edited(({ config }) => {
      ;[config.payments_url, config.note] = [config.note, config.payments_url]
    }),
  'a list reordered': () => edited(({ config }) => (config.list = config.list.toReversed())),
  'a sealed value removed': () => edited(({ config }) => delete config.db_password),
  'a plain value removed': () => edited(({ config }) => delete config.port),
  'a plain value added': () => edited(({ config }) => (config.admin = true)),
  'a sealed value copied under a new name': () => edited(({ config }) => (config.copy = config.note)),
  'a plain value in the place of a sealed one': () =>
    edited(({ config }) => (config.payments_url = 'https://evil.example/')),
  'the MAC replaced': () => edited(({ sealed }) => (sealed.mac = randomBytes(32).toString('base64url'))),
  'the MAC shortened': () => edited(({ sealed }) => (sealed.mac = sealed.mac.slice(0, 20))),
  'the MAC removed': () => edited(({ sealed }) => delete sealed.mac),
  'a bit of a nonce': () => edited(({ config }) => (config.note = flipValue(config.note, 3))),
  'a bit of a ciphertext': () => edited(({ config }) => (config.note = flipValue(config.note, 20))),
  'a bit of a tag': () => edited(({ config }) => (config.note = flipValue(config.note, 45))),
  'a plain value renamed': () =>
    edited(({ config }) => {
      config.hosts = config.host
      delete config.host
    }),
  'two plain values exchanged': () =>
    edited(({ config }) => {
      ;[config.host, config.path] = [config.path, config.host]
    }),
  'a boundary between plain values moved': () =>
    edited(({ config }) => {
      config.host = 'a'
      config.path = 'bc'
    }),
  'null turned into nothing': () => edited(({ config }) => delete config.nothing),
  'a number turned into a text': () => edited(({ config }) => (config.port = '8080')),
  'nesting turned into a name': () => edited(({ config }) => (config.list[2] = { 'a/b': 1 })),
  'a wrapped key changed': () => edited(({ sealed }) => (sealed.keys[0].wrapped = flip(sealed.keys[0].wrapped, 20))),
  'a key added': () =>
    edited(({ sealed }) =>
      sealed.keys.push({
        kid: 'other',
        kind: 'key',
        created: '2026-11-22',
        wrap: 'A256GCM',
        wrapped: sealed.keys[0].wrapped,
      }),
    ),
  'a kid renamed': () => edited(({ sealed }) => (sealed.keys[0].kid = 'other')),
  'the revision raised': () => edited(({ sealed }) => sealed.rev++),
  'the id changed': () => edited(({ sealed }) => (sealed.id = randomBytes(16).toString('base64url'))),
  'the version lowered': () => edited(({ sealed }) => (sealed.v = 0)),
  'the version raised': () => edited(({ sealed }) => (sealed.v = 2)),
  'another cipher named': () => edited(({ sealed }) => (sealed.aead = 'none')),
  'what must be sealed no longer named': () => edited(({ sealed }) => delete sealed.secrets),
  'a pattern added': () => edited(({ sealed }) => sealed.secrets.push('/note')),
  'a pattern narrowed': () => edited(({ sealed }) => (sealed.secrets[1] = '/providers/0/apiKey')),
  'two sealed items of a list exchanged': () =>
    edited(({ config: { providers } }) => {
      ;[providers[0].apiKey, providers[1].apiKey] = [providers[1].apiKey, providers[0].apiKey]
    }),
  'a list with sealed items reordered': () =>
    edited(({ config }) => (config.providers = config.providers.toReversed())),
  'an item of a list removed': () => edited(({ config }) => config.providers.pop()),
  'a sealed item made plain': () => edited(({ config }) => (config.providers[1].apiKey = 'mine')),
  'a sealed value moved into a list': () => edited(({ config }) => config.list.push(config.note)),
  'the day of a value changed': () =>
    edited(({ config }) => (config.note = config.note.replace(/v1:\d{4}/, 'v1:2020'))),
  'a day that is none': () => edited(({ config }) => (config.note = config.note.replace(/v1:.{10}/, 'v1:2026-13-01'))),
  'the version of a value raised': () =>
    edited(({ config }) => (config.note = config.note.replace('enc:v1', 'enc:v2'))),
  'the day of the data key changed': () => edited(({ sealed }) => (sealed.dataKeyFrom = '2020-01-01')),
  'the day of a key changed': () => edited(({ sealed }) => (sealed.keys[0].created = '2020-01-01')),
  'a key retired': () => edited(({ sealed }) => (sealed.keys[0].retires = '2020-01-01')),
  'a key turned into one of another kind': () =>
    edited(({ sealed }) => {
      sealed.keys[0] = { ...sealed.keys[0], kind: 'kms', provider: 'x', ref: 'y' }
      delete sealed.keys[0].wrap
    }),
  'a key service added that answers to somebody else': () =>
    edited(({ sealed }) =>
      sealed.keys.unshift({ kid: 'k', kind: 'kms', created: '2026-11-22', provider: 'x', ref: 'y', wrapped: 'AAAA' }),
    ),
  'the header removed': () => edited((file) => delete file['sealed']),
  'an unknown member of the header': () => edited(({ sealed }) => (sealed.x = 1)),
  'an unknown member of the file': () => edited((file) => (file['x'] = 1)),
  'an unknown member of a key': () => edited(({ sealed }) => (sealed.keys[0].x = 1)),
  'a name that is not allowed': () => edited(({ config }) => (config['a b'] = 1)),
  'the end cut off': () => text.slice(0, -40),
  'a repeated member, the first one good': () => text.replace('"port": 8080', '"port": 8080,\n    "port": 1'),
  'a repeated member, the last one good': () => text.replace('"port": 8080', '"port": 1,\n    "port": 8080'),
  'a prototype': () => text.replace('"port": 8080', '"__proto__": {"admin": true},\n    "port": 8080'),
  'a number beyond what a program can hold': () => text.replace('8080', '1e999'),
  'conflict markers': () => text.replace('"config"', '<<<<<<< HEAD\n"config"'),
}

test('every way of changing a file is refused, nothing is decrypted, and the file stays as it is', async () => {
  for (const [name, change] of Object.entries(classes)) {
    const content = change()
    expect(content, name).not.toBe(text)
    const file = put(join(freshFolder(), 'c.json'), content)
    const failure = await failureOf(() => openConfigSync(file, { keys: sources }))
    expect(failure, name).toBeInstanceOf(ConfigError)
    const expected = /^ERR_CONFIG_(INTEGRITY|MALFORMED|VERSION|NO_KEY)$/
    expect((failure as ConfigError).code, name).toMatch(expected)
    expect((failure as ConfigError).fault).toBe('invalid')
    expect(readFileSync(file, 'utf8')).toBe(content)
  }
  expect(Object.keys(classes).length).toBeGreaterThanOrEqual(50)
  expect(open(text).get('db_password')).toBe('battery staple')
})

test('a value of another file, or an earlier one of the same place, is refused', async () => {
  const elsewhere = join(freshFolder(), 'other.json')
  const other = await createConfig(elsewhere, { keys: sources })
  await other.set('note', 'from another file of the same key')
  const foreign = JSON.parse(readFileSync(elsewhere, 'utf8')) as Members
  expect(() => open(edited(({ config }) => (config.note = foreign['config'].note)))).toThrow('was changed')
  const before = JSON.parse(older) as Members
  expect(() => open(edited(({ config }) => (config.db_password = before['config'].db_password)))).toThrow('was changed')
  expect(() => open(edited((file) => (file['sealed'] = foreign['sealed'])))).toThrow(ConfigError)
})

test('an older file is whole, and refused by who knows a later revision', () => {
  expect(open(older).get('db_password')).toBe('correct horse')
  expect(() => open(older, 3)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_ROLLBACK' }))
  expect(open(text, 3).rev).toBe(3)
})

test('another key, or the same kid with another key, opens nothing', async () => {
  expect(() => openConfigSync(path, { keys: [keys.raw(randomBytes(32))] })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_NO_KEY', message: expect.stringContaining('"raw"') }),
  )
  const kid = (JSON.parse(text) as Members)['sealed'].keys[0].kid as string
  expect(() => openConfigSync(path, { keys: [keys.raw(randomBytes(32), kid)] })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_INTEGRITY' }),
  )
})

const contentOf = (config: Config) => [
  config.rev,
  ...config.names().map(({ name, sealed }) => [name, sealed, config.get(name)]),
]

test('of many files with random bytes changed none opens with other content', { timeout: 300_000 }, () => {
  const expected = contentOf(open(text))
  const bytes = Buffer.from(text)
  const file = put(join(freshFolder(), 'c.json'), bytes)
  const rounds = isLong ? 100_000 : 2000
  let accepted = 0
  for (let round = 0; round < rounds; round++) {
    const at = randomInt(bytes.length)
    const size = randomInt(3)
    const changed =
      round % 3 === 0
        ? Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + size)])
        : Buffer.concat([bytes.subarray(0, at), randomBytes(1 + size), bytes.subarray(at + (round % 3))])
    put(file, changed)
    try {
      const content = contentOf(openConfigSync(file, { keys: sources }))
      accepted++
      expect(content).toEqual(expected)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
    }
  }
  // White space between members is the one thing that may differ.
  expect(accepted).toBeLessThan(rounds / 4)
  expect(statSync(file).size).toBeGreaterThan(0)
})
