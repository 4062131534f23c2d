import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { createConfig, keys } from '../src/index.ts'
import { knownAnswers } from './known-answers.ts'
import { freshFolder, put } from './scratch.ts'

const file = join(import.meta.dirname, '../../../docs/sealed-config/schema.json')
const schema = z.fromJSONSchema(JSON.parse(readFileSync(file, 'utf8')))
const accepts = (text: string): boolean => schema.safeParse(JSON.parse(text)).success

test('the JSON Schema accepts what is written here, with keys of every kind and values of every kind', async () => {
  for (const { name, text } of knownAnswers().files) expect(accepts(text), name).toBe(true)
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  const words = keys.passphrase(keys.file(put(join(folder, 'p'), 'correct horse')), { cost: 14 })
  const config = await createConfig(path, { keys: [keys.file(join(folder, 'k')), words], secrets: ['/a/*/b'] })
  await config.set('x', { y: [null, true, 1.5, 'z', {}] }, { sealed: false })
  await config.rotateKey({ graceDays: 3 })
  await config.set('/deep/é ~0', randomBytes(2000).toString('hex'))
  expect(accepts(readFileSync(path, 'utf8'))).toBe(true)
})

test('it refuses what has another shape', () => {
  const [first] = knownAnswers().files
  const edited = (edit: (file: any) => unknown): string => {
    const copy = JSON.parse(first?.text ?? '')
    edit(copy)
    return JSON.stringify(copy)
  }
  for (const edit of [
    (all) => delete all.config,
    (all) => (all.more = 1),
    ({ sealed }) => delete sealed.mac,
    ({ sealed }) => (sealed.mac += 'A'),
    ({ sealed }) => (sealed.v = 2),
    ({ sealed }) => (sealed.rev = 0),
    ({ sealed }) => (sealed.id = 'AAAA'),
    ({ sealed }) => (sealed.aead = 'none'),
    ({ sealed }) => (sealed.keys = []),
    ({ sealed }) => (sealed.keys[0].kind = 'password'),
    ({ sealed }) => (sealed.keys[0].more = 1),
    ({ sealed }) => (sealed.secrets = []),
    ({ config }) => (config.x = 'enc:v2:1'),
    ({ config }) => (config.providers[0].name = 'enc:'),
  ] as ((file: any) => unknown)[]) {
    expect(accepts(edited(edit)), String(edit)).toBe(false)
  }
})
