import { randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { type Config, createConfig, keys, mergeConfigs, openConfigSync, textconv } from '../src/index.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const main = keys.raw(randomBytes(32), 'main')
const sources = [main] as const

/** A base and two copies of it that go on by themselves. */
const forked = async (fill: (config: Config) => Promise<unknown>, by = sources, patterns: readonly string[] = []) => {
  const folder = freshFolder()
  const [base, ours, theirs] = ['base', 'ours', 'theirs'].map((name) => join(folder, name)) as [string, string, string]
  await fill(await createConfig(base, { keys: by, secrets: patterns }))
  copyFileSync(base, ours)
  copyFileSync(base, theirs)
  const open = (path: string) => openConfigSync(path, { keys: by })
  return { folder, base, ours, theirs, a: open(ours), b: open(theirs) }
}
type Forked = Awaited<ReturnType<typeof forked>>

const merged = async ({ folder, base, ours, theirs }: Forked, by = sources) => {
  const { text, conflicts } = await mergeConfigs({ base, ours, theirs, keys: by })
  const config = openConfigSync(put(join(folder, 'merged'), text), { keys: by })
  const values = Object.fromEntries(config.entries().map(({ pointer }) => [pointer, config.get(pointer)]))
  return { text, conflicts, config, values }
}

test('all that the two sides changed apart from one another is merged, whatever was changed', async () => {
  const sides = await forked((config) =>
    config.update((draft) => {
      for (const name of ['keep', 'ours', 'theirs', 'gone_ours', 'gone_theirs', 'alike', 'gone_both'])
        draft.set(name, name)
      draft.set('/deep/x/a', 1)
      draft.set('/deep/x/b', 2, { sealed: false })
      draft.set('list', [1, 2, 3], { sealed: false })
    }),
  )
  await sides.a.update((draft) => {
    draft.set('ours', 'changed')
    draft.set('alike', 'same')
    draft.set('/deep/x/a', 'ours')
    draft.set('/deep/y', 'new')
    draft.set('/list/0', 'ours')
    draft.delete('gone_ours')
    draft.delete('gone_both')
    draft.set('added_alike', { v: 1 })
  })
  await sides.b.update((draft) => draft.set('theirs', 'changed'))
  await sides.b.update((draft) => {
    draft.set('alike', 'same')
    draft.set('/deep/x/b', 'theirs')
    draft.set('/deep/z', 'new')
    draft.set('/list/2', 'theirs')
    draft.delete('gone_theirs')
    draft.delete('gone_both')
    draft.set('added_alike', { v: 1 })
  })
  const { conflicts, values, config, text } = await merged(sides)
  expect(conflicts).toEqual([])
  expect(values).toEqual({
    '/keep': 'keep',
    '/ours': 'changed',
    '/theirs': 'changed',
    '/alike': 'same',
    '/added_alike': { v: 1 },
    '/deep/x/a': 'ours',
    '/deep/x/b': 'theirs',
    '/deep/y': 'new',
    '/deep/z': 'new',
    '/list/0': 'ours',
    '/list/1': 2,
    '/list/2': 'theirs',
  })
  expect(config.rev).toBe(Math.max(sides.a.rev, sides.b.rev) + 1)
  const keep = (path: string) => readFileSync(path, 'utf8').match(/"keep": .*/)?.[0]
  expect(text).toContain(keep(sides.base))
})

test('forty merges of random changes: no change is lost, and only what both changed is a conflict', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `n${n}`)
  for (let round = 0; round < 40; round++) {
    const sides = await forked((config) => config.update((draft) => names.forEach((name) => draft.set(name, 'base'))))
    const changes = [sides.a, sides.b].map(() => new Map<string, string | undefined>())
    for (const [side, config] of [sides.a, sides.b].entries()) {
      await config.update((draft) => {
        for (const name of names) {
          const dice = randomBytes(1)[0] ?? 0
          if (dice % 4 === 0) draft.set(name, `side ${side}`)
          else if (dice % 9 === 0) draft.delete(name)
          else continue
          changes[side]?.set(name, dice % 4 === 0 ? `side ${side}` : undefined)
        }
      })
    }
    const [mine, yours] = changes as [Map<string, string | undefined>, Map<string, string | undefined>]
    const both = names.filter((name) => mine.has(name) && yours.has(name) && mine.get(name) !== yours.get(name))
    const { conflicts, config } = await merged(sides)
    expect(conflicts).toEqual(both.map((name) => `/${name}`).sort())
    for (const name of names) {
      const expected = mine.has(name) ? mine.get(name) : yours.has(name) ? yours.get(name) : 'base'
      expect(config.get(name)).toBe(expected)
    }
  }
})

test('conflicts are named by key, and the file has our side of them and opens', async () => {
  const sides = await forked((config) =>
    config.update((draft) => {
      for (const name of ['same', 'removed', 'sealing', 'list']) draft.set(name, 'hunter2 base')
      draft.set('/db/password', 'hunter2 base')
      draft.set('list', [1], { sealed: false })
    }),
  )
  await sides.a.update((draft) => {
    draft.set('same', 'hunter2 ours')
    draft.set('removed', 'hunter2 ours')
    draft.set('/db/password', 'hunter2 ours')
    draft.set('sealing', 'x', { sealed: false })
    draft.set('/list/-', 2, { sealed: false })
    draft.set('new', 'hunter2 ours')
  })
  await sides.b.update((draft) => {
    draft.set('same', 'hunter2 theirs')
    draft.delete('removed')
    draft.delete('db')
    draft.set('sealing', 'x')
    draft.set('/list/-', 3, { sealed: false })
    draft.set('new', 'hunter2 theirs')
  })
  const { conflicts, values, text } = await merged(sides)
  expect(conflicts).toEqual(['/db', '/list', '/new', '/removed', '/same', '/sealing'])
  expect(values).toMatchObject({
    '/same': 'hunter2 ours',
    '/db/password': 'hunter2 ours',
    '/list/1': 2,
    '/sealing': 'x',
  })
  expect(text).not.toContain('hunter2')
})

test('rotations merge: of keys, of the data key, and what was written beside them', async () => {
  const [second, third] = [keys.raw(randomBytes(32), 'second'), keys.raw(randomBytes(32), 'third')]
  const by = [main, second, third] as never
  const kids = (config: { keyTable(): readonly { kid: string }[] }) => config.keyTable().map(({ kid }) => kid)
  const added = await forked((config) => config.set('x', 1))
  await added.a.addKey(second)
  await added.b.addKey(third)
  expect(kids((await merged(added, by)).config).sort()).toEqual(['main', 'second', 'third'])
  const rotated = await forked((config) => config.set('x', 1))
  await rotated.a.rotateKey({ to: second })
  await rotated.b.set('y', 2)
  const first = await merged(rotated, by)
  expect([kids(first.config), first.values]).toEqual([['second'], { '/x': 1, '/y': 2 }])
  for (const turned of [false, true]) {
    const sides = await forked((config) => config.set('x', 1))
    await sides.a.rotateDataKey()
    await sides.a.set('z', 3)
    await sides.b.addKey(second)
    await sides.b.set('y', 2)
    const { config, values, conflicts } = await merged(
      turned ? { ...sides, ours: sides.theirs, theirs: sides.ours } : sides,
      by,
    )
    expect([kids(config).sort(), values, conflicts]).toEqual([['main', 'second'], { '/x': 1, '/y': 2, '/z': 3 }, []])
    await expect(merged(sides)).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  }
})

test('patterns merge, and what one side made sealed-only must be', async () => {
  const sides = await forked((config) => config.set('token', 'x'), sources, ['token'])
  await sides.a.set('y', 1)
  await sides.b.set('z', 1)
  expect(JSON.parse((await merged(sides)).text).sealed.secrets).toEqual(['/token'])
})

test('without a common ancestor; of another file; tampered with: never a merge of what is not verified', async () => {
  const sides = await forked((config) => config.set('x', 1))
  await sides.a.set('a', 1)
  await sides.b.set('b', 1)
  const empty = put(join(sides.folder, 'empty'), '')
  const none = await merged({ ...sides, base: empty })
  expect([none.conflicts, none.values]).toEqual([[], { '/x': 1, '/a': 1, '/b': 1 }])
  const other = await forked((config) => config.set('x', 1))
  await expect(merged({ ...sides, theirs: other.theirs })).rejects.toThrow(failsWith('ERR_CONFIG_CONFLICT'))
  await expect(merged({ ...sides, base: other.base })).rejects.toThrow(failsWith('ERR_CONFIG_CONFLICT'))
  for (const side of ['base', 'ours', 'theirs'] as const) {
    const text = readFileSync(sides[side], 'utf8')
    writeFileSync(sides[side], text.replace(/"rev": \d+/, '"rev": 99'))
    await expect(merged(sides), side).rejects.toThrow(failsWith('ERR_CONFIG_INTEGRITY'))
    writeFileSync(sides[side], text)
  }
  const failure = await failureOf(() => mergeConfigs({ ...sides, keys: sources } as never))
  expect(failure).toEqual(failsWith('ERR_CONFIG_OPTIONS'))
  expect(inspect(failure)).not.toContain('enc:v1')
})

test('textconv shows what changed and no value, without a key', async () => {
  const sides = await forked((config) =>
    config.update((draft) => {
      draft.set('token', 'hunter2')
      draft.set('/db/host', 'a.example', { sealed: false })
    }),
  )
  const shown = textconv(sides.base)
  expect(shown.split('\n')).toEqual([
    expect.stringMatching(/^data key of \d{4}-\d\d-\d\d$/),
    `key main (key, since ${sides.a.keyTable()[0]?.created})`,
    '/db/host = "a.example"',
    expect.stringMatching(/^\/token = sealed on \d{4}-\d\d-\d\d, [0-9a-f]{12}$/),
    '',
  ])
  await sides.a.set('/db/host', 'b.example', { sealed: false })
  const changed = textconv(sides.ours).split('\n')
  expect(changed.filter((line) => !shown.includes(line))).toEqual(['/db/host = "b.example"'])
  await sides.b.set('/db/\u001b[2J\u202e', 'x\u009b', { sealed: false })
  expect(textconv(sides.theirs)).toContain('/db/\\u001b[2J\\u202e = "x\\u009b"')
  expect(() => textconv(put(join(sides.folder, 'x'), '{}'))).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
})
