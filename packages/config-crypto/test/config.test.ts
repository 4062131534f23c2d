import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createConfig, keys, openConfig, openConfigSync } from '../src/index.ts'
import { createSecret } from '../src/config/secret.ts'
import type { Draft, JsonValue } from '../src/types.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const sources = [keys.raw(randomBytes(32))] as const
const fresh = async (secrets: readonly string[] = []) => {
  const path = join(freshFolder(), 'app.json')
  return { path, config: await createConfig(path, { keys: sources, secrets }) }
}

test('values of every kind come back as they were, sealed and plain', async () => {
  const { path, config } = await fresh()
  const values: Record<string, JsonValue> = {
    text: 'x',
    empty: '',
    unicode: 'é😀\u0000\u2028\n',
    long: 'y'.repeat(100_000),
    number: -1.5e-9,
    zero: 0,
    yes: true,
    nothing: null,
    list: [1, [2, { a: [] }]],
    object: { b: {}, a: { constructor: 'x', '': 1 } },
    like_a_ciphertext: 'enc:v1:AAAA',
    '0': 'a name that is a number',
    constructor: 'a name that objects have',
    'A-z_0.9': 1,
  }
  for (const [name, value] of Object.entries(values)) {
    await config.set(`s.${name}`, value)
    if (name !== 'like_a_ciphertext') await config.set(name, value, { sealed: false })
  }
  for (const open of [config, await openConfig(path, { keys: sources })]) {
    for (const [name, value] of Object.entries(values)) {
      expect(open.get(`s.${name}`)).toStrictEqual(value)
      expect(open.secret(`s.${name}`)?.reveal()).toStrictEqual(value)
      if (name !== 'like_a_ciphertext') expect(open.get(name)).toStrictEqual(value)
    }
    expect(open.names()).toHaveLength(27)
  }
  const text = readFileSync(path, 'utf8')
  expect(text).not.toContain('yyyy"\n    "s.')
  expect(JSON.parse(text).config['s.text']).toMatch(/^enc:v1:/)
})

test('an absent value is undefined or the fallback; what objects inherit is absent', async () => {
  const { config } = await fresh()
  await config.set('nothing', null)
  expect(config.get('x')).toBeUndefined()
  expect(config.get('x', 5)).toBe(5)
  expect(config.get('nothing', 5)).toBeNull()
  for (const name of ['toString', 'constructor', '__proto__', 'a b', '']) {
    expect([config.get(name), config.has(name), config.secret(name)]).toEqual([undefined, false, undefined])
  }
  expect([config.has('nothing'), config.legacy, config.names()]).toEqual([
    true,
    false,
    [{ name: 'nothing', sealed: true }],
  ])
})

test('what get returns is a copy, and what set took is what it was when it was called', async () => {
  const { config } = await fresh()
  const value = { a: [1] }
  const done = Promise.all([config.set('x', value), config.set('y', value, { sealed: false })])
  value.a.push(2)
  await done
  for (const name of ['x', 'y']) {
    ;(config.get(name) as typeof value).a.push(3)
    expect(config.get(name)).toEqual({ a: [1] })
  }
})

test('every write counts up by one; a change of nothing, or one that throws, writes nothing', async () => {
  const { path, config } = await fresh()
  expect(config.rev).toBe(1)
  await config.set('a', 1)
  expect(await config.delete('a')).toBe(true)
  expect(config.rev).toBe(3)
  const text = readFileSync(path, 'utf8')
  expect(await config.delete('a')).toBe(false)
  await config.update(() => {})
  const mine = new Error('mine')
  const throwing = (draft: Draft): void => {
    draft.set('a', 1)
    throw mine
  }
  expect(await failureOf(() => config.update(throwing))).toBe(mine)
  await expect(config.update((async (draft: Draft) => draft.set('a', 1)) as never)).rejects.toThrow('synchronous')
  let kept: Draft | undefined
  await config.update((draft) => {
    kept = draft
  })
  expect(() => kept?.set('a', 1)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(readFileSync(path, 'utf8')).toBe(text)
  expect([config.rev, config.has('a')]).toEqual([3, false])
})

test('many changes are one write', async () => {
  const { path, config } = await fresh()
  await config.set('old', 1)
  await config.update((draft) => {
    for (let n = 0; n < 50; n++) draft.set(`n${n}`, n)
    expect([draft.delete('old'), draft.delete('old'), draft.delete('n7')]).toEqual([true, false, true])
  })
  expect(config.rev).toBe(3)
  expect(openConfigSync(path, { keys: sources }).names()).toHaveLength(49)
})

test('names, values and options that make no sense are refused, and not repeated', async () => {
  const { path, config } = await fresh(['token'])
  const text = readFileSync(path, 'utf8')
  const bad: (() => Promise<unknown>)[] = [
    ...['', 'a b', 'API_KEY=hunter2', 'é', '__proto__', 'x'.repeat(129), 'a/b', 'a\n'].flatMap((name) => [
      () => config.set(name, 'hunter2'),
      () => config.delete(name),
    ]),
    () => config.set('a', undefined as never),
    () => config.set('a', new Date() as never),
    () => config.set('a', (() => 'hunter2') as never),
    () => config.set('a', createSecret(() => 'hunter2') as never),
    () => config.set('a', { b: ['enc:hunter2'] }, { sealed: false }),
    () => config.set('a', 'enc:v1:hunter2', { sealed: false }),
    () => config.set('token', 'hunter2', { sealed: false }),
    () => config.set('a', 'hunter2', { seal: false } as never),
    () => config.set('a', 'hunter2', { sealed: 'no' } as never),
    () => config.set('a', 'h'.repeat(11 * 1_048_576), { sealed: false }),
    () => config.update('x' as never),
    () => openConfig(path, { keys: [] }),
    () => openConfig(path, { keys: sources, minRev: -1 }),
    () => openConfig(path, { keys: sources, key: 1 } as never),
    () => openConfig('', { keys: sources }),
    () => openConfig('a\0b', { keys: sources }),
    () => createConfig(path, { keys: sources, secrets: ['a b'] }),
    () => createConfig(path, { keys: sources, secret: [] } as never),
    () => createConfig(path, undefined as never),
  ]
  for (const call of bad) {
    const failure = await failureOf(call)
    expect(failure).toEqual(failsWith('ERR_CONFIG_OPTIONS', 'invalid'))
    expect(inspect(failure)).not.toContain('hunter2')
  }
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test('what must be sealed is, from the first write on', async () => {
  const { path, config } = await fresh(['token', 'password', 'token'])
  await config.set('token', 'a')
  expect(JSON.parse(readFileSync(path, 'utf8')).sealed.secrets).toEqual(['/password', '/token'])
  const other = openConfigSync(path, { keys: sources })
  await expect(other.set('password', 'b', { sealed: false })).rejects.toThrow('sealed only')
})

test('absent, there already, a folder, a link, unsafe or too large', async () => {
  const { path, config } = await fresh()
  expect(() => openConfigSync(`${path}x`, { keys: sources })).toThrow(failsWith('ERR_CONFIG_ABSENT'))
  await expect(createConfig(path, { keys: sources })).rejects.toThrow(failsWith('ERR_CONFIG_EXISTS'))
  mkdirSync(`${path}.d`)
  expect(() => openConfigSync(`${path}.d`, { keys: sources })).toThrow(failsWith('ERR_CONFIG_READ', 'unavailable'))
  await expect(createConfig(`${path}.d`, { keys: sources })).rejects.toThrow(failsWith('ERR_CONFIG_EXISTS'))
  const link = `${path}.link`
  symlinkSync(path, link)
  const linked = openConfigSync(link, { keys: sources })
  await expect(linked.set('a', 1)).rejects.toThrow(failsWith('ERR_CONFIG_WRITE', 'unavailable'))
  await expect(createConfig(link, { keys: sources })).rejects.toThrow(failsWith('ERR_CONFIG_EXISTS'))
  chmodSync(path, 0o660)
  expect(() => openConfigSync(path, { keys: sources })).toThrow(`chmod 600 ${path}`)
  await expect(config.set('a', 1)).rejects.toThrow(failsWith('ERR_CONFIG_UNSAFE', 'invalid'))
  put(path, `{"a":"${'x'.repeat(10 * 1_048_576)}"}`)
  expect(() => openConfigSync(path, { keys: sources })).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  put(path, Buffer.from([0x7b, 0xff, 0x7d]))
  expect(() => openConfigSync(path, { keys: sources })).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  await expect(config.set('a', 1)).rejects.toThrow(failsWith('ERR_CONFIG_MALFORMED'))
})

test('reload sees what others wrote; a bad file leaves what was read before, and is never written over', async () => {
  const { path, config } = await fresh()
  await config.set('a', 1)
  const other = openConfigSync(path, { keys: sources })
  await other.set('a', 2)
  expect(config.get('a')).toBe(1)
  config.reloadSync()
  expect([config.get('a'), config.rev]).toEqual([2, 3])
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.slice(0, -9))
  expect(() => config.reloadSync()).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  await expect(config.set('a', 3)).rejects.toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  expect(readFileSync(path, 'utf8')).toBe(text.slice(0, -9))
  expect(config.get('a')).toBe(2)
  writeFileSync(path, text)
  config.reloadSync()
})

test('an older write, another one of the same number, or another file in its place is refused', async () => {
  const { path, config } = await fresh()
  await config.set('a', 1)
  copyFileSync(path, `${path}.old`)
  const older = readFileSync(path)
  const fork = openConfigSync(`${path}.old`, { keys: sources })
  await config.set('a', 2)
  const elsewhere = await fresh()
  for (let n = 0; n < 5; n++) await elsewhere.config.set('a', n)
  const text = readFileSync(path, 'utf8')
  await fork.set('a', 3)
  const intruders = [
    [readFileSync(`${path}.old`), 'ERR_CONFIG_FORK'],
    [readFileSync(elsewhere.path), 'ERR_CONFIG_ROLLBACK'],
    [older, 'ERR_CONFIG_ROLLBACK'],
  ] as const
  for (const [intruder, code] of intruders) {
    writeFileSync(path, intruder)
    expect(() => config.reloadSync()).toThrow(failsWith(code))
    await expect(config.reload()).rejects.toThrow(failsWith(code))
    await expect(config.set('b', 1)).rejects.toThrow(failsWith(code))
    expect(config.get('a')).toBe(2)
  }
  writeFileSync(path, text)
  await config.set('a', 4)
  expect(() => openConfigSync(path, { keys: sources, minRev: 5 })).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
})

test('no message holds what is in the file', async () => {
  const { path, config } = await fresh()
  await config.set('plain', 'hunter2', { sealed: false })
  await config.set('sealed', 'hunter2')
  const text = readFileSync(path, 'utf8')
  for (let at = 0; at < text.length; at += 7) {
    for (const content of [text.slice(0, at), `${text.slice(0, at)}!${text.slice(at + 1)}`]) {
      writeFileSync(path, content)
      const failure = await failureOf(() => openConfigSync(path, { keys: sources }))
      expect(failure).toMatchObject({ name: 'ConfigError', message: expect.stringContaining(JSON.stringify(path)) })
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toMatch(/hunter2|enc:v1:[A-Za-z0-9]/)
    }
  }
  expect(readdirSync(dirname(path))).toEqual(['app.json'])
})
