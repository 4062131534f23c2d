import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConfig, keys, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder } from './scratch.ts'

const sources = [keys.raw(randomBytes(32))] as const
const fresh = async (secrets: readonly string[] = []) => {
  const path = join(freshFolder(), 'app.json')
  return { path, config: await createConfig(path, { keys: sources, secrets }) }
}
const stored = (path: string) => JSON.parse(readFileSync(path, 'utf8')).config

test('values stand anywhere in the tree, sealed and plain side by side', async () => {
  const { path, config } = await fresh()
  await config
    .update((draft) => {
      draft.set('/db/user', 'app', { sealed: false })
      draft.set('/db/password', 'hunter2')
      draft.set('/a~1b/~0 c', 1)
      draft.set('list', [], { sealed: false })
      draft.set('/list/-', 'first')
      draft.set('/list/-', 'second', { sealed: false })
      draft.set('/list/2', { deep: true })
    })
    .catch(() => {})
  expect(config.has('db')).toBe(false)
  await config.update((draft) => {
    draft.set('/db/user', 'app', { sealed: false })
    draft.set('/db/password', 'hunter2')
    draft.set('/db/~0 c~1d', 1)
    draft.set('list', [], { sealed: false })
    draft.set('/list/-', 'first')
    draft.set('/list/-', 'second', { sealed: false })
    draft.set('/list/2', { deep: true })
  })
  for (const open of [config, openConfigSync(path, { keys: sources })]) {
    expect(open.get('db')).toEqual({ user: 'app', password: 'hunter2', '~ c/d': 1 })
    expect(open.get('/db/password')).toBe('hunter2')
    expect(open.secret('/db/password')?.reveal()).toBe('hunter2')
    expect(open.get('/db/~0 c~1d')).toBe(1)
    expect(open.get('list')).toEqual(['first', 'second', { deep: true }])
    expect(open.get('/list/2')).toEqual({ deep: true })
    for (const absent of ['/db/x', '/list/3', '/list/01', '/list/-', '/db/user/x', '/db/password/length', '/x/y']) {
      expect([open.get(absent, 'none'), open.has(absent)]).toEqual(['none', false])
    }
    expect(open.names()).toEqual([
      { name: 'db', sealed: true },
      { name: 'list', sealed: true },
    ])
    expect(open.entries().map(({ pointer, sealed }) => [pointer, sealed])).toEqual([
      ['/db/password', true],
      ['/db/user', false],
      ['/db/~0 c~1d', true],
      ['/list/0', true],
      ['/list/1', false],
      ['/list/2', true],
    ])
  }
  expect(stored(path).db.user).toBe('app')
  expect(readFileSync(path, 'utf8')).not.toContain('hunter2')
})

test('what moves in a list is sealed anew for where it stands, and opens there', async () => {
  const { path, config } = await fresh()
  await config.set('list', ['x'], { sealed: false })
  await config.update((draft) => {
    for (const value of ['a', 'b', 'c', 'd']) draft.set('/list/-', value)
  })
  const before = stored(path).list
  expect(await config.delete('/list/2')).toBe(true)
  const after = stored(path).list
  expect([after[1], after[2] === before[3]]).toEqual([before[1], false])
  expect(openConfigSync(path, { keys: sources }).get('list')).toEqual(['x', 'a', 'c', 'd'])
  expect(await config.delete('/list/9')).toBe(false)
  expect(await config.delete('/list/0/x')).toBe(false)
})

test('what a pattern names is sealed by itself inside a plain value, and never plain', async () => {
  const { path, config } = await fresh(['/providers/*/apiKey', '/*/token', 'password'])
  await config.set(
    'providers',
    [
      { name: 'a', apiKey: 'hunter2' },
      { name: 'b', apiKey: { k: 'hunter2' } },
    ],
    {
      sealed: false,
    },
  )
  await config.set('site', { token: 'hunter2', url: 'x' }, { sealed: false })
  await config.set('password', 'hunter2')
  expect(stored(path).providers.map(({ name }: { name: string }) => name)).toEqual(['a', 'b'])
  expect(stored(path).site.url).toBe('x')
  expect(readFileSync(path, 'utf8')).not.toContain('hunter2')
  expect(openConfigSync(path, { keys: sources }).get('/providers/1/apiKey')).toEqual({ k: 'hunter2' })
  for (const place of ['password', '/providers/0/apiKey', '/site/token', '/other/token', '/providers/-/apiKey']) {
    await expect(config.set(place, 'hunter2', { sealed: false }), place).rejects.toThrow(
      failsWith('ERR_CONFIG_OPTIONS'),
    )
  }
  await config.set('/providers/-', { name: 'c', apiKey: 'hunter2' }, { sealed: false })
  expect(readFileSync(path, 'utf8')).not.toContain('hunter2')
  expect(openConfigSync(path, { keys: sources }).get('/providers/2/apiKey')).toBe('hunter2')
})

test('a plain item that moves into the place of a sealed one is refused', async () => {
  const { path, config } = await fresh(['/list/0'])
  await config.set('list', ['secret', 'plain'], { sealed: false })
  const text = readFileSync(path, 'utf8')
  await expect(config.delete('/list/0')).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test('a place that is none, or where nothing can be, is refused', async () => {
  const { config } = await fresh()
  await config.set('sealed', { a: 1 })
  await config.set('plain', 5, { sealed: false })
  await config.set('list', [1], { sealed: false })
  const deep = `/a${'/b'.repeat(60)}`
  for (const place of [
    '/',
    '//x',
    '/a b/c',
    '/__proto__/x',
    '/a/__proto__',
    '/a~2',
    '/a/~',
    `/a/${'x'.repeat(257)}`,
    deep,
    '/sealed/a',
    '/plain/x',
    '/list/2',
    '/list/x',
    '/list/00',
    '/a/\ud800',
  ]) {
    await expect(config.set(place, 1, { sealed: false }), place).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
    expect(config.get(place, 'none'), place).toBe('none')
  }
  await config.set(`/a${'/b'.repeat(59)}`, 1, { sealed: false })
  await expect(config.set(`/a${'/c'.repeat(59)}`, [[[[1]]]], { sealed: false })).rejects.toThrow('nested')
  await config.set(`/a${'/c'.repeat(59)}`, [[[1]]], { sealed: false })
  config.reloadSync()
  const object = { ['x'.repeat(257)]: 1 }
  await expect(config.set('o', object, { sealed: false })).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  await config.set('o', object)
  expect(config.get('o')).toEqual(object)
})

test('the day of a value is the day it was set, and stays when it is sealed anew', async () => {
  const path = join(freshFolder(), 'c.json')
  let now = Date.parse('2026-01-31T23:59:59.999Z')
  const config = await createConfig(path, { keys: sources, clock: () => now })
  await config.set('list', [], { sealed: false })
  await config.set('/list/-', 'a')
  await config.set('/list/-', 'b')
  now += 1
  await config.set('late', 1)
  await config.delete('/list/0')
  await config.rotateDataKey()
  expect(openConfigSync(path, { keys: sources }).entries()).toEqual([
    { pointer: '/late', sealed: true, setOn: '2026-02-01' },
    { pointer: '/list/0', sealed: true, setOn: '2026-01-31' },
  ])
})
