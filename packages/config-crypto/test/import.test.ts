import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { importDotenv, importJson } from '../src/index.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const dotenv = (text: string) =>
  Object.fromEntries(importDotenv(put(join(freshFolder(), '.env'), text)).map(({ name, value }) => [name, value]))
const json = (text: string) => importJson(put(join(freshFolder(), 'x.json'), text))

test('assignments of a .env file are read as dotenv reads them', () => {
  const text = `\ufeff# comment
A=1
export B = two words   # comment
C='single # $X \\n "q"'
D="double\\nline\\r 'q' $x" # comment
E=\`back 'tick' "q"\`

  F=#none
G=a\\tb"c" #b
H=
I="two
lines"
K.x-y=5\r
L='x'`
  expect(dotenv(text)).toEqual({
    A: '1',
    B: 'two words',
    C: 'single # $X \\n "q"',
    D: "double\nline\r 'q' $x",
    E: 'back \'tick\' "q"',
    F: '',
    G: 'a\\tb"c"',
    H: '',
    I: 'two\nlines',
    'K.x-y': '5',
    L: 'x',
  })
  expect(importDotenv(put(join(freshFolder(), '.env'), 'A=1'))).toEqual([{ name: 'A', value: '1', sealed: true }])
})

test('what dotenv would guess at is refused with its line, and not repeated', async () => {
  for (const [text, line] of [
    ['A=1\nhunter2', 2],
    ['A=1\n\nA=hunter2', 3],
    ['A="hunter2', 1],
    ["A='hunter2\nB=1", 1],
    ['A="x" hunter2', 1],
    ['A=1\nB="x\ny"\nhunter2', 4],
    ['1A=hunter2', 1],
    // What dotenv reads otherwise than a shell.
    ['A=1\nB=hunter2#baz', 2],
    ['A=1\rB=hunter2#baz', 2],
    ['A="hunter2\\tb"', 1],
    ['A="C:\\\\hunter2"', 1],
    ['A="C:\\\\nhunter2"', 1],
    ['A="hunter2\\$\\$w"', 1],
    ['A="hunter2\\"y"', 1],
    ["A='hunter2\\'s'", 1],
    ["A='hunter2\\'\nB='", 1],
    ['A=`hunter2\\`', 1],
    ['A=\u00a0"hunter2"', 1],
    ['A=x\u2028"hunter2"', 1],
    ['PASSWORD="encrypted:hunter2"', 1],
  ] as const) {
    const failure = await failureOf(() => dotenv(text))
    expect(failure, text).toMatchObject({
      code: 'ERR_CONFIG_MALFORMED',
      message: expect.stringContaining(`line ${line}`),
    })
    expect(inspect(failure, { depth: 9 })).not.toContain('hunter2')
  }
})

test('members of a JSON object are values; what is read in two ways is refused', () => {
  expect(json('{"a": "x", "b": {"c": [1]}}')).toEqual([
    { name: 'a', value: 'x', sealed: true },
    { name: 'b', value: { c: [1] }, sealed: true },
  ])
  for (const text of ['[]', '"x"', '{"a":1,"a":2}', '{', '{"__proto__":1}']) {
    expect(() => json(text)).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  }
  expect(() => importJson('/no/such/file')).toThrow(failsWith('ERR_CONFIG_ABSENT'))
  expect(() => importDotenv('/no/such/file')).toThrow(failsWith('ERR_CONFIG_ABSENT'))
})
