import { randomBytes } from 'node:crypto'
import { Console } from 'node:console'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createConfig, keys } from '../src/index.ts'
import { freshFolder } from './scratch.ts'

const value = 'hunter2-correct-horse'

const printed = (write: (target: Console) => void): string => {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  write(new Console(stream))
  return text
}

test('nothing that prints, inspects, serializes or copies shows the value', async () => {
  const raw = randomBytes(32)
  const source = keys.raw(raw)
  const config = await createConfig(join(freshFolder(), 'c.json'), { keys: [source] })
  await config.set('password', value)
  await config.set('host', value, { sealed: false })
  const secret = config.secret('password')
  if (!secret) throw new Error('absent')
  expect(secret.reveal()).toBe(value)
  expect(config.secret('host')?.reveal()).toBe(value)
  expect(config.secret('absent')).toBeUndefined()

  const deep = { showHidden: true, depth: 20, getters: true, showProxy: true }
  const error = new Error(`password ${secret}`, { cause: secret })
  const texts = [
    String(secret),
    `${secret}`,
    `a${secret as unknown as string}`,
    (secret as unknown as string) + 'b',
    JSON.stringify(secret),
    JSON.stringify({ nested: [secret] }),
    inspect(secret),
    inspect(secret, deep),
    inspect({ nested: [secret] }, deep),
    inspect(error, deep),
    format('%s %o %O %j %d', secret, secret, secret, secret, secret),
    printed((target) => target.log(secret, { secret }, '%o', secret)),
    printed((target) => target.dir(secret, deep)),
    printed((target) => target.table([{ secret }])),
    inspect(structuredClone(secret), deep),
    inspect(structuredClone({ secret }), deep),
    inspect({ ...secret }, deep),
    inspect(Object.getOwnPropertyDescriptors(secret), deep),
    JSON.stringify(Object.entries(secret)),
    inspect(secret, { ...deep, customInspect: false }),
    inspect(config, deep),
    JSON.stringify(config),
    inspect(source, deep),
    JSON.stringify(source),
  ]
  for (const text of texts) {
    expect(text).not.toContain('hunter2')
    expect(text).not.toContain('correct-horse')
    expect(text).not.toContain(raw.toString('hex').slice(0, 8))
  }
  expect(String(secret)).toBe('[secret]')
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}')
  expect(inspect({ secret })).toBe('{ secret: [secret] }')
  expect(() => Object.assign(secret, { reveal: () => 'x' })).toThrow(TypeError)
})
