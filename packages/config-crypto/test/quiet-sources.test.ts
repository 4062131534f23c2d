import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createConfig, generateKey, type KeySource, keys, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder, put } from './scratch.ts'

const isRoot = process.getuid?.() === 0
const key = generateKey()

const made = async (): Promise<(source: KeySource) => unknown> => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: [keys.file(put(join(freshFolder(), 'k'), key))] })
  await config.set('a', 'one')
  return (source) => openConfigSync(path, { keys: [source] }).get('a')
}

afterEach(() => {
  delete process.env['CREDENTIALS_DIRECTORY']
})

test('an environment variable is gone once it was read, unless it is kept; another source of it finds what it held', async () => {
  const open = await made()
  process.env['PORTCULLIS_TEST_GONE'] = key
  expect(open(keys.env('PORTCULLIS_TEST_GONE'))).toBe('one')
  expect(process.env['PORTCULLIS_TEST_GONE']).toBeUndefined()
  expect(spawnSync('env', { encoding: 'utf8' }).stdout).not.toContain(key)
  expect(open(keys.env('PORTCULLIS_TEST_GONE'))).toBe('one')
  process.env['PORTCULLIS_TEST_KEPT'] = key
  expect(open(keys.env('PORTCULLIS_TEST_KEPT', { keep: true }))).toBe('one')
  expect(process.env['PORTCULLIS_TEST_KEPT']).toBe(key)
})

test('a file descriptor is read to its end and closed; other sources of its number get the same', async () => {
  const path = join(freshFolder(), 'c.json')
  await createConfig(path, { keys: [keys.file(put(join(freshFolder(), 'k'), key))] })
  const run = (input: string) =>
    spawnSync(
      'sh',
      [
        '-c',
        'exec 3<&0; exec "$0" "$@"',
        process.execPath,
        '--input-type=module',
        '-e',
        `import { fstatSync } from 'node:fs'
import { keys, openConfigSync } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
const open = () => openConfigSync(${JSON.stringify(path)}, { keys: [keys.parse('fd:3', { dir: '/' })] }).rev
const say = (call) => { try { console.log(call()) } catch (error) { console.log(error.code) } }
// The number may be another file by now.
const isPipe = () => { try { const stat = fstatSync(3); return stat.isFIFO() || stat.isSocket() } catch { return false } }
say(open); say(open); say(isPipe)`,
      ],
      { encoding: 'utf8', input },
    ).stdout
  expect(run(`${key}\n`)).toBe('1\n1\nfalse\n')
  expect(run('')).toBe('ERR_CONFIG_NO_KEY\nERR_CONFIG_NO_KEY\nfalse\n')
  expect(run('x'.repeat(5000))).toBe('ERR_CONFIG_KEY\nERR_CONFIG_NO_KEY\nfalse\n')
  const open = await made()
  expect(() => open(keys.fd(987))).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  for (const bad of [-1, 1, 2, 1.5, 2 ** 30, '3']) {
    expect(() => keys.fd(bad as number)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
})

test('a systemd credential is found in its folder, and there is none without one', async () => {
  const open = await made()
  const folder = freshFolder()
  put(join(folder, 'app.key'), key, 0o400)
  const source = keys.credential('app.key')
  expect(() => open(source)).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  process.env['CREDENTIALS_DIRECTORY'] = folder
  expect(open(source)).toBe('one')
  expect(() => open(keys.credential('other'))).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  for (const bad of ['', '.', '..', 'a/b', '../k', 'a b']) {
    expect(() => keys.credential(bad)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
})

/** As Kubernetes mounts a secret: everybody may make files in the folder, and read the files. */
const mount = (): string => {
  const folder = freshFolder()
  chmodSync(folder, 0o1777)
  mkdirSync(join(folder, '..2026_11_22'), { mode: 0o755 })
  put(join(folder, '..2026_11_22', 'key'), `${key}\n`, isRoot ? 0o644 : 0o600)
  symlinkSync('..2026_11_22', join(folder, '..data'))
  symlinkSync('..data/key', join(folder, 'key'))
  return folder
}

test('a mounted secret: links are followed, and what root lets others read is read', async () => {
  const open = await made()
  const folder = mount()
  expect(open(keys.mounted(join(folder, 'key')))).toBe('one')
  expect(() => open(keys.file(join(folder, 'key')))).toThrow('symbolic link')
  expect(open(keys.parse('mounted:key', { dir: folder }))).toBe('one')
  expect(() => open(keys.mounted(join(folder, 'other')))).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  symlinkSync('nowhere', join(folder, 'dangling'))
  expect(() => open(keys.mounted(join(folder, 'dangling')))).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  symlinkSync('loop', join(folder, 'loop'))
  expect(() => open(keys.mounted(join(folder, 'loop')))).toThrow(failsWith('ERR_CONFIG_KEY'))
  expect(() => open(keys.mounted(join(folder, '..data')))).toThrow(failsWith('ERR_CONFIG_KEY'))
  put(join(folder, 'long'), 'x'.repeat(5000))
  expect(() => open(keys.mounted(join(folder, 'long')))).toThrow(failsWith('ERR_CONFIG_KEY'))
})

test('a mounted secret that others can write to or exchange is refused, with what mends it', async () => {
  const open = await made()
  const folder = mount()
  const source = keys.mounted(join(folder, 'key'))
  const file = join(folder, '..2026_11_22', 'key')
  chmodSync(file, 0o666)
  expect(() => open(source)).toThrow(`chmod go-w ${file}`)
  chmodSync(file, 0o600)
  chmodSync(join(folder, '..2026_11_22'), 0o777)
  expect(() => open(source)).toThrow('can exchange files')
  chmodSync(join(folder, '..2026_11_22'), 0o755)
  chmodSync(folder, 0o777)
  expect(() => open(source)).toThrow(failsWith('ERR_CONFIG_KEY', 'invalid'))
  chmodSync(folder, 0o1777)
  expect(open(source)).toBe('one')
})

test.runIf(isRoot)('a mounted secret, or a folder on the way to it, that another user owns is refused', async () => {
  const open = await made()
  const folder = mount()
  const source = keys.mounted(join(folder, 'key'))
  const file = join(folder, '..2026_11_22', 'key')
  chownSync(file, 12345, 12345)
  expect(() => open(source)).toThrow('belongs to user 12345')
  chownSync(file, 0, 0)
  chownSync(join(folder, '..2026_11_22'), 12345, 12345)
  expect(() => open(source)).toThrow('can exchange files')
  chownSync(join(folder, '..2026_11_22'), 0, 0)
  expect(open(source)).toBe('one')
})
if (!isRoot) console.warn('\n\n*** NOT ROOT: files of other users are not tested. ***\n\n')
