import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { createConfig, keys, openConfig, openConfigSync, type Secret } from '../src/index.ts'
import { failsWith, failureOf, freshFolder } from './scratch.ts'

const sources = [keys.raw(randomBytes(32))] as const
const schema = z.object({
  port: z.number().int(),
  level: z.enum(['info', 'debug']).default('info'),
  db: z.object({ password: z.string().min(5), hosts: z.array(z.string()) }),
  since: z.string().transform((text) => text.length),
})

const fresh = async () => {
  const path = join(freshFolder(), 'app.json')
  const config = await createConfig(path, { keys: sources })
  await config.update((draft) => {
    draft.set('port', 8080, { sealed: false })
    draft.set('/db/password', 'hunter2')
    draft.set('/db/hosts', ['a', 'b'], { sealed: false })
    draft.set('since', 'abc')
  })
  return path
}

test('get returns what the schema made, with its types', async () => {
  const path = await fresh()
  const config = await openConfig(path, { keys: sources, schema })
  const sync = openConfigSync(path, { keys: sources, schema })
  expectTypeOf(config.get('port')).toEqualTypeOf<number>()
  expectTypeOf(config.get('level')).toEqualTypeOf<'info' | 'debug'>()
  expectTypeOf(config.get('since')).toEqualTypeOf<number>()
  expectTypeOf(config.get('db')).toEqualTypeOf<{ password: string; hosts: string[] }>()
  expectTypeOf(config.secret('db')).toEqualTypeOf<Secret<{ password: string; hosts: string[] }> | undefined>()
  expectTypeOf(config.get('/db/password')).toEqualTypeOf<unknown>()
  for (const open of [config, sync]) {
    expect([open.get('port'), open.get('level'), open.get('since')]).toEqual([8080, 'info', 3])
    expect(open.get('/db/password')).toBe('hunter2')
    expect(open.get('/db/hosts/1')).toBe('b')
    expect(open.get('/db/nothing', 'none')).toBe('none')
    expect(open.secret('since')?.reveal()).toBe(3)
    open.get('db').hosts.push('c')
    expect(open.get('db').hosts).toEqual(['a', 'b'])
  }
  const untyped = openConfigSync(path, { keys: sources })
  expectTypeOf(untyped.get('port')).toEqualTypeOf<unknown>()
})

test('what a schema makes may be anything, also what cannot be copied', async () => {
  const path = await fresh()
  const made = z.object({
    since: z.string().transform((text) => ({ url: new URL(`https://${text}.example`), call: () => text })),
  })
  const config = openConfigSync(path, { keys: sources, schema: made })
  expect([config.get('since').url.host, config.get('since').call()]).toEqual(['abc.example', 'abc'])
})

test('what is not as the schema says is not opened and not written, and the message has places, never values', async () => {
  const path = await fresh()
  const config = await openConfig(path, { keys: sources, schema })
  const text = readFileSync(path, 'utf8')
  for (const write of [
    () => config.set('/db/password', 'four'),
    () => config.set('port', 'hunter2'),
    () => config.delete('db'),
  ]) {
    expect(await failureOf(write)).toEqual(failsWith('ERR_CONFIG_SCHEMA', 'invalid'))
  }
  expect(readFileSync(path, 'utf8')).toBe(text)
  await openConfigSync(path, { keys: sources }).set('port', 'hunter2')
  const failure = await failureOf(() => openConfigSync(path, { keys: sources, schema }))
  expect(failure).toMatchObject({ code: 'ERR_CONFIG_SCHEMA', message: expect.stringContaining('"/port"') })
  expect(inspect(failure, { depth: 9 })).not.toContain('hunter2')
  await expect(config.reload()).rejects.toThrow(failsWith('ERR_CONFIG_SCHEMA'))
  expect(config.get('port')).toBe(8080)
})

test('what is no schema, or one that must be awaited, is refused', async () => {
  const path = await fresh()
  const slow = z.object({ port: z.number().refine(async () => true) })
  for (const bad of [slow, {}, 'x', { '~standard': {} }, null, { '~standard': { version: 2, validate: () => ({}) } }]) {
    expect(await failureOf(() => openConfig(path, { keys: sources, schema: bad as never }))).toEqual(
      failsWith('ERR_CONFIG_OPTIONS'),
    )
  }
})
