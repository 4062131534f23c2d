import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keys, openConfigSync } from '../src/index.ts'
import { kekBytes, knownAnswers, passphrase } from './known-answers.ts'
import { failsWith, freshFolder, put } from './scratch.ts'

const docs = join(import.meta.dirname, '../../../docs')
const file = join(docs, 'sealed-config/known-answers.json')

const published = (): ReturnType<typeof knownAnswers> => JSON.parse(readFileSync(file, 'utf8'))

// `npx vitest run test/known-answers.test.ts --update` writes the file anew.
test('the known answers: these files for these keys, nonces and values, to the byte', async () => {
  await expect(`${JSON.stringify(knownAnswers(), null, 2)}\n`).toMatchFileSnapshot(file)
})

const sources = () => {
  process.env['PORTCULLIS_TEST_PASSPHRASE'] = passphrase
  return [
    [keys.raw(kekBytes)],
    [keys.passphrase(keys.env('PORTCULLIS_TEST_PASSPHRASE'))],
    [keys.raw(kekBytes, 'named-by-hand')],
  ] as const
}

test('the known files open by each of their keys', () => {
  const [ofKey, ofPassphrase] = published().files
  const [key, words, grace] = sources()
  for (const [known, by] of [
    [ofKey, key],
    [ofPassphrase, words],
    [ofPassphrase, grace],
  ] as const) {
    const path = put(join(freshFolder(), 'known.json'), known?.text ?? '')
    const config = openConfigSync(path, { keys: by })
    expect(config.rev).toBe(2)
    const found = Object.fromEntries(config.names().map(({ name }) => [name, config.get(name)]))
    expect(found).toStrictEqual(known?.values)
  }
})

test('what is to be refused is, with its code', () => {
  const [key] = sources()
  const { refused } = published()
  expect(refused.length).toBeGreaterThan(12)
  for (const { name, code, text } of refused) {
    const path = put(join(freshFolder(), 'c.json'), text)
    expect(() => openConfigSync(path, { keys: key }), name).toThrow(failsWith(code))
  }
})

test('the document shows the first of them', () => {
  expect(readFileSync(join(docs, 'sealed-config.md'), 'utf8')).toContain(published().files[0]?.text ?? '-')
})
