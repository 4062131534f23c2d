import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConfig, importFernet, keys, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder, put } from './scratch.ts'

/*
 * The format as another language reads and writes it, with the library that the files of the old format come from.
 */

const program = join(import.meta.dirname, 'python/sealed_config.py')
const hasLibrary = (python: string): boolean => spawnSync(python, ['-c', 'import cryptography']).status === 0
const python = ['python3', '/usr/bin/python3'].find(hasLibrary)
if (python === undefined) {
  console.warn(
    '\n\n*** NO PYTHON WITH cryptography: the format is not tested against another language. On Debian: apt-get install python3-cryptography ***\n\n',
  )
}

const run = (args: readonly string[], input = ''): string => {
  const { status, stdout, stderr } = spawnSync(python ?? '', [program, ...args], { encoding: 'utf8', input })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

const kek = randomBytes(32)
const sealed = {
  text: 'hunter2 é😀\u0000\n',
  number: -1.5e-9,
  zero: 0,
  object: { b: [1, null, true], a: { '~/': 'x', ﬀ: 1, '😀': 2 } },
  long: 'y'.repeat(5000),
}
const plain = { host: 'é', list: [1.25, -0, false, null, { z: 1, ﬀ: 2, '😀': 3 }], empty: {} }

test.runIf(python)('Python reads what is written here', async () => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: [keys.raw(randomBytes(32), 'other'), keys.raw(kek)] })
  await config.update((draft) => {
    for (const [name, value] of Object.entries(sealed)) draft.set(name, value)
    for (const [name, value] of Object.entries(plain)) draft.set(name, value, { sealed: false })
    draft.set('/deep/~0 ~1/x', 'sealed below')
    draft.set('/list/-', 'sealed in a list')
  })
  const expected = {
    ...sealed,
    ...plain,
    list: [...plain.list, 'sealed in a list'],
    deep: { '~ /': { x: 'sealed below' } },
  }
  expect(JSON.parse(run(['read', path, kek.toString('hex')]))).toEqual(JSON.parse(JSON.stringify(expected)))
  const changed = readFileSync(path, 'utf8').replace('"host": "é"', '"host": "e"')
  writeFileSync(path, changed)
  expect(() => run(['read', path, kek.toString('hex')])).toThrow('AssertionError')
})

test.runIf(python)('Python reads what a passphrase opens', async () => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  const words = keys.passphrase(keys.file(put(join(folder, 'p'), 'correct horse b\u00e4ttery')), { cost: 14 })
  await (await createConfig(path, { keys: [words] })).set('a', 'x')
  expect(JSON.parse(run(['passphrase', path, 'correct horse ba\u0308ttery']))).toEqual({ a: 'x' })
})

test.runIf(python)('what Python writes is read here, and refused when it was changed', async () => {
  const path = join(freshFolder(), 'c.json')
  run(['write', path, kek.toString('hex')], JSON.stringify({ sealed, plain }))
  const config = openConfigSync(path, { keys: [keys.raw(kek)] })
  expect(config.rev).toBe(7)
  for (const [name, value] of Object.entries({ ...sealed, ...plain })) {
    expect(config.get(name)).toEqual(JSON.parse(JSON.stringify(value)))
  }
  await config.set('text', 'from here')
  expect(JSON.parse(run(['read', path, kek.toString('hex')])).text).toBe('from here')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"rev": 8', '"rev": 9'))
  expect(() => openConfigSync(path, { keys: [keys.raw(kek)] })).toThrow(failsWith('ERR_CONFIG_INTEGRITY'))
})

test.runIf(python)('Fernet files that Python writes now are read here as Python reads them', () => {
  const folder = freshFolder()
  const [path, key] = [join(folder, 'c.json'), join(folder, 'k')]
  const values = {
    sealed: { api_key: 'sk-é✓', empty: '', long: 'z'.repeat(4000), lines: 'a\nb\n' },
    plain: { port: 1, tags: ['a'] },
  }
  run(['fernet', path, key], JSON.stringify(values))
  const imported = Object.fromEntries(importFernet(path, keys.file(key)).map(({ name, value }) => [name, value]))
  expect(imported).toEqual(JSON.parse(run(['unfernet', path, key])))
  expect(imported).toEqual({ ...values.sealed, ...values.plain })
})
