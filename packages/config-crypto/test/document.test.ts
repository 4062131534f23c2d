import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecretKey, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { kidOf } from '../src/cipher.ts'
import { keys, openConfigSync } from '../src/index.ts'
import { createSealed, formatSealed, nextSealed, openSealed, storedValue } from '../src/sealed-file.ts'
import type { JsonValue } from '../src/types.ts'
import { freshFolder, put } from './scratch.ts'

const kek = createSecretKey(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))
const key = { kind: 'sealing', kid: kidOf(kek), kek } as const

const known: Record<string, { value: JsonValue; sealed: boolean }> = {
  api_key: { value: 'sk-test-1234', sealed: true },
  database: { value: { user: 'app', password: 'pé😀', ports: [5432, 5433.5], tls: null }, sealed: true },
  host: { value: '127.0.0.1', sealed: false },
  limits: { value: { perMinute: 100, burst: false }, sealed: false },
}

/** Bytes 0, 1, 2, ...: never used but here. */
const counting = () => {
  let next = 0
  return (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => next++ % 256))
}

test('the known answer: this file for these keys, nonces and values, to the byte', () => {
  const random = counting()
  const empty = createSealed([key], ['api_key'], random)
  const values = new Map(
    Object.entries(known).map(([name, { value, sealed }]) => [name, storedValue(empty, name, value, sealed, random)]),
  )
  const path = join(import.meta.dirname, 'fixtures/sealed-config-1.txt')
  const text = readFileSync(path, 'utf8')
  expect(formatSealed(nextSealed(empty, values))).toBe(text)
  const documented = readFileSync(join(import.meta.dirname, '../../../docs/sealed-config.md'), 'utf8')
  expect(documented).toContain(text)
})

test('the known file opens', () => {
  const text = readFileSync(join(import.meta.dirname, 'fixtures/sealed-config-1.txt'), 'utf8')
  const path = put(join(freshFolder(), 'known.json'), text)
  const config = openConfigSync(path, { keys: [keys.raw(kek.export())] })
  expect(config.rev).toBe(2)
  for (const [name, { value }] of Object.entries(known)) expect(config.get(name)).toStrictEqual(value)
  expect(config.names()).toEqual(Object.entries(known).map(([name, { sealed }]) => ({ name, sealed })))
})

test('one value changed among 1,000 is three lines; one more is three and a line, and a comma at most', () => {
  const empty = createSealed([key], [])
  const values = new Map<string, JsonValue>()
  for (let n = 0; n < 1000; n++) {
    const name = `secret_${n}`
    values.set(name, storedValue(empty, name, randomBytes(20).toString('hex'), n % 3 > 0))
  }
  const before = nextSealed(empty, values)
  const changedLines = (change: Map<string, JsonValue>): number => {
    const old = new Set(formatSealed(before).split('\n'))
    const text = formatSealed(nextSealed(before, change))
    expect(openSealed(text, [key], ['test']).entries.size).toBe(change.size)
    return text.split('\n').filter((line) => !old.has(line)).length
  }
  expect(changedLines(new Map(values).set('secret_500', storedValue(before, 'secret_500', 'new', true)))).toBe(3)
  expect(changedLines(new Map(values).set('middle', 1))).toBe(3)
  expect(changedLines(new Map(values).set('zzz', 1))).toBe(4)
})
