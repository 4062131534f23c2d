import { spawnSync } from 'node:child_process'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createConfig, generateKey, type KeySource, type Kms, keys, openConfig, openConfigSync } from '../src/index.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const node = process.execPath
const printing = (text: string, more = '') =>
  [node, '-e', `${more}process.stdout.write(${JSON.stringify(text)})`] as const

const madeBy = async (...sources: [KeySource, ...KeySource[]]): Promise<string> => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: sources })
  await config.set('a', 'one')
  return path
}
const openBoth = async (path: string, ...sources: KeySource[]): Promise<void> => {
  expect(openConfigSync(path, { keys: sources }).get('a')).toBe('one')
  expect((await openConfig(path, { keys: sources })).get('a')).toBe('one')
}

test('a command: no shell, told which file and kids, one line or many, and its failure is no key', async () => {
  const key = generateKey()
  const path = await madeBy(keys.command(printing(`${key}\n`)))
  const [, kid = ''] = key.split('_')
  await openBoth(path, keys.command(printing(`${generateKey()}\n${key}\n`)))
  // The words of a shell mean nothing.
  const told = join(dirname(path), 'told')
  const telling = `require('fs').writeFileSync(${JSON.stringify(told)}, [process.env.PORTCULLIS_KEY_FOR, process.env.PORTCULLIS_KEY_IDS, process.argv[1]].join());`
  await openBoth(path, keys.command([...printing(key, telling), '$(id) && x']))
  expect(readFileSync(told, 'utf8')).toBe(`${path},${kid},$(id) && x`)
  for (const [command, code] of [
    [[node, '-e', 'process.exit(3)'], 'ERR_CONFIG_KEY_SOURCE'],
    [['/no/such/program'], 'ERR_CONFIG_KEY_SOURCE'],
    [[node, '-e', 'setInterval(() => {}, 1000)'], 'ERR_CONFIG_KEY_SOURCE'],
    [printing('x'.repeat(5000)), 'ERR_CONFIG_KEY_SOURCE'],
    [printing('hunter2'), 'ERR_CONFIG_KEY'],
    [printing(''), 'ERR_CONFIG_KEY'],
    [printing('bOx8OO5BxUzL7Ep0S1uNvauPDclOhV4yjBaXOBcpI8E='), 'ERR_CONFIG_KEY'],
    [printing(generateKey()), 'ERR_CONFIG_NO_KEY'],
  ] as const) {
    const hangs = command[2] === 'setInterval(() => {}, 1000)'
    const source = keys.command(command as [string], hangs ? { timeoutMs: 300 } : {})
    for (const open of [() => openConfigSync(path, { keys: [source] }), () => openConfig(path, { keys: [source] })]) {
      const failure = await failureOf(open)
      expect(failure, inspect(command)).toEqual(failsWith(code))
      expect(inspect(failure, { depth: 9 })).not.toContain('hunter2')
    }
  }
})

test('a command is over at its deadline and above 4096 bytes, whatever it started and left behind', async () => {
  const path = await madeBy(keys.raw(randomBytes(32)))
  // Who is left behind holds the pipe for longer than a test may take.
  const leaving = (said: string) => {
    const pid = join(freshFolder(), 'pid')
    return { pid, script: `sh -c 'echo $$ > ${pid}; ${said}; exec sleep 100 2>&-' & wait` }
  }
  const [late, loud] = [leaving(':'), leaving('printf %5000s x')]
  try {
    await expect(
      openConfig(path, { keys: [keys.command(['sh', '-c', late.script], { timeoutMs: 2000 })] }),
    ).rejects.toThrow('longer than 2000 ms')
    await expect(
      openConfig(path, { keys: [keys.command(['sh', '-c', loud.script], { timeoutMs: 600_000 })] }),
    ).rejects.toThrow('more than 4096 bytes')
  } finally {
    for (const { pid } of [late, loud]) spawnSync('sh', ['-c', `kill -9 $(cat ${pid})`], { stdio: 'ignore' })
  }
})

test('who is asked: only those after which no quiet source had the key, in their order, past those that fail', async () => {
  const key = generateKey()
  const file = keys.file(put(join(freshFolder(), 'k'), key))
  const path = await madeBy(file)
  const touched = join(dirname(path), 'asked')
  const asking = keys.command(printing(key, `require('fs').writeFileSync(${JSON.stringify(touched)}, '');`))
  await openBoth(path, asking, file)
  expect(() => readFileSync(touched)).toThrow('ENOENT')
  const failing = keys.command([node, '-e', 'process.exit(1)'])
  await openBoth(path, failing, asking)
  readFileSync(touched)
  expect(await failureOf(() => openConfig(path, { keys: [failing, keys.command(printing(generateKey()))] }))).toEqual(
    failsWith('ERR_CONFIG_KEY_SOURCE', 'unavailable'),
  )
})

test('a passphrase: derived as the file says, from any text, one wrong letter is no key', {
  timeout: 60_000,
}, async () => {
  const folder = freshFolder()
  const words = keys.file(put(join(folder, 'words'), 'correct horse b\u00e4ttery\n'))
  const path = await madeBy(keys.passphrase(words, { cost: 14 }))
  const { kdf, kid } = JSON.parse(readFileSync(path, 'utf8')).sealed.keys[0]
  expect(kdf).toMatchObject({ name: 'scrypt', N: 16384, r: 8, p: 1 })
  expect(kid).toMatch(/^[0-9a-f]{32}$/)
  await openBoth(path, keys.passphrase(words))
  // The same letter in two spellings.
  const composed = keys.command(printing('correct horse ba\u0308ttery'))
  await openBoth(path, keys.passphrase(composed))
  const wrong = keys.passphrase(keys.command(printing('correct horse battery')))
  await expect(openConfig(path, { keys: [wrong] })).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  const nothing = keys.passphrase(keys.env('PORTCULLIS_TEST_NOTHING'))
  await expect(openConfig(path, { keys: [nothing] })).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  await openBoth(path, wrong, nothing, keys.passphrase(words))
  const short = keys.passphrase(keys.command(printing('seven77')), { cost: 14 })
  await expect(madeBy(short)).rejects.toThrow(failsWith('ERR_CONFIG_KEY'))
  await expect(madeBy(nothing)).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  const config = await openConfig(path, { keys: [keys.passphrase(words)] })
  await config.rotateDataKey()
  await config.rotateKey({ to: keys.passphrase(keys.command(printing('another passphrase')), { cost: 14 }) })
  await openBoth(path, keys.passphrase(keys.command(printing('another passphrase'))))
  expect(() => keys.passphrase(words, { cost: 13 })).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(() => keys.passphrase(words, { cost: 21 })).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(() => keys.passphrase(keys.raw(randomBytes(32)))).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
})

test('what a derivation may cost is bounded before it begins', async () => {
  const words = keys.passphrase(keys.command(printing('correct horse')), { cost: 14 })
  const path = await madeBy(words)
  const file = JSON.parse(readFileSync(path, 'utf8'))
  for (const change of [
    { N: 2 ** 21 },
    { N: 2 ** 13 },
    { N: 2 ** 14 + 1 },
    { N: 1e300 },
    { r: 9 },
    { p: 5 },
    { p: 0 },
    { salt: 'AAAA' },
    { name: 'argon2id' },
    { extra: 1 },
  ]) {
    const changed = structuredClone(file)
    Object.assign(changed.sealed.keys[0].kdf, change)
    put(path, JSON.stringify(changed))
    expect(() => openConfigSync(path, { keys: [words] }), inspect(change)).toThrow(/ERR|kdf|derivation|salt/)
  }
  const many = structuredClone(file)
  many.sealed.keys = Array.from({ length: 5 }, (_, n) => ({ ...file.sealed.keys[0], kid: `k${n}` }))
  put(path, JSON.stringify(many))
  expect(() => openConfigSync(path, { keys: [words] })).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
})

test('a keychain is asked by service and account', async () => {
  const key = generateKey()
  const asked: string[][] = []
  const keychain = {
    getPassword: (service: string, account: string) => {
      asked.push([service, account])
      if (service === 'broken') throw new Error('hunter2')
      return account === 'config' ? key : null
    },
  }
  const source = keys.keychain('portcullis', 'config', { keychain })
  const path = await madeBy(source)
  await openBoth(path, source)
  expect(asked[0]).toEqual(['portcullis', 'config'])
  expect(source.source).toBe('keychain:portcullis/config')
  const absent = keys.keychain('portcullis', 'other', { keychain })
  await expect(openConfig(path, { keys: [absent] })).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  const broken = keys.keychain('broken', 'config', { keychain })
  await expect(openConfig(path, { keys: [broken] })).rejects.toThrow(failsWith('ERR_CONFIG_KEY_SOURCE', 'unavailable'))
  // The module is not installed here.
  const peer = await failureOf(() => openConfig(path, { keys: [keys.keychain('a', 'b')] }))
  expect(peer).toMatchObject({ code: 'ERR_CONFIG_KEY_SOURCE', message: expect.stringContaining('@napi-rs/keyring') })
})

test('the module of the keychain is found beside the program', async () => {
  const key = generateKey()
  const path = await madeBy(keys.command(printing(key)))
  const folder = freshFolder()
  mkdirSync(join(folder, 'node_modules/@napi-rs/keyring'), { recursive: true })
  // What the module exports, with one entry in it.
  const entry = `exports.Entry = class { constructor(...id) { this.id = id.join() } getPassword() { return this.id === 's,a' ? ${JSON.stringify(key)} : null } }`
  writeFileSync(join(folder, 'node_modules/@napi-rs/keyring/index.js'), entry)
  const main = put(
    join(folder, 'main.mjs'),
    `import { keys, openConfigSync } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
console.log(openConfigSync(${JSON.stringify(path)}, { keys: [keys.parse('keychain:s/b', { dir: '/' }), keys.parse('keychain:s/a', { dir: '/' })] }).get('a'))`,
  )
  expect(spawnSync(node, [main], { encoding: 'utf8' })).toMatchObject({ stdout: 'one\n', stderr: '' })
})

/** A key service with a key of its own, that binds what it wraps to the context. */
const service = (options: { ref?: string; down?: () => boolean } = {}): Kms & { calls: string[] } => {
  const key = randomBytes(32)
  const calls: string[] = []
  const called = (name: string): void => {
    calls.push(name)
    if (options.down?.()) throw new Error('connection refused')
  }
  return {
    calls,
    provider: 'test',
    ref: options.ref ?? 'keys/app',
    wrap: async (dataKey, context) => {
      called('wrap')
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(JSON.stringify(context)))
      return Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()])
    },
    unwrap: async (wrapped, context) => {
      called('unwrap')
      const bytes = Buffer.from(wrapped)
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
      decipher.setAAD(Buffer.from(JSON.stringify(context))).setAuthTag(bytes.subarray(-16))
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
    },
  }
}

test('a key service wraps and unwraps the data key, is asked once, and only when it is awaited', async () => {
  const kms = service()
  const path = await madeBy(keys.kms(kms))
  expect(kms.calls).toEqual(['wrap'])
  expect(() => openConfigSync(path, { keys: [keys.kms(kms)] })).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  const config = await openConfig(path, { keys: [keys.kms(kms)] })
  await config.set('b', 2)
  await config.reload()
  config.reloadSync()
  expect(kms.calls).toEqual(['wrap', 'unwrap'])
  await config.rotateDataKey()
  expect(kms.calls).toEqual(['wrap', 'unwrap', 'wrap'])
  expect((await openConfig(path, { keys: [keys.kms(kms)] })).get('b')).toBe(2)
  expect(config.keyTable()).toMatchObject([{ kind: 'kms', inUse: true }])
  expect(JSON.parse(readFileSync(path, 'utf8')).sealed.keys[0]).toMatchObject({ provider: 'test', ref: 'keys/app' })
})

test('a key service that is down is no key, and a key at hand opens without it', async () => {
  let isDown = false
  const kms = service({ down: () => isDown })
  const recovery = keys.raw(randomBytes(32))
  const path = await madeBy(keys.kms(kms), recovery)
  isDown = true
  expect((await openConfig(path, { keys: [keys.kms(kms), recovery] })).get('a')).toBe('one')
  await expect(openConfig(path, { keys: [keys.kms(kms)] })).rejects.toThrow(
    failsWith('ERR_CONFIG_KEY_SOURCE', 'unavailable'),
  )
  await expect(madeBy(keys.kms(kms))).rejects.toThrow(failsWith('ERR_CONFIG_KEY_SOURCE'))
})

test('what a key service wrapped for one file opens no other, and a false answer is tampering', async () => {
  const kms = service()
  const [one, two] = [await madeBy(keys.kms(kms)), await madeBy(keys.kms(kms))]
  const files = [one, two].map((path) => JSON.parse(readFileSync(path, 'utf8')))
  files[1].sealed.keys = files[0].sealed.keys
  put(two, JSON.stringify(files[1]))
  await expect(openConfig(two, { keys: [keys.kms(kms)] })).rejects.toThrow(failsWith('ERR_CONFIG_KEY_SOURCE'))
  for (const answer of [new Uint8Array(31), randomBytes(32), undefined, 'x'.repeat(32)]) {
    const lying = { ...kms, unwrap: async () => answer as Uint8Array }
    await expect(openConfig(one, { keys: [keys.kms(lying)] })).rejects.toThrow(failsWith('ERR_CONFIG_INTEGRITY'))
  }
  await expect(openConfig(one, { keys: [keys.kms(service({ ref: 'other' }))] })).rejects.toThrow(
    failsWith('ERR_CONFIG_NO_KEY'),
  )
  for (const bad of [{}, { ...kms, provider: 'A' }, { ...kms, ref: 'a b' }, { ...kms, wrap: 1 }, null]) {
    expect(() => keys.kms(bad as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
})
