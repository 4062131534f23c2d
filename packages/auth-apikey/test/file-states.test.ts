import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { type ApiKeys, createApiKeys, fileStore } from '../src/index.ts'
import { isLong, startProgram } from './acknowledged.ts'
import { freshPath } from './scratch.ts'

const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends) await end()
})
// What one user can try another cannot: each has its own list, so that nothing is skipped.
const isRoot = process.getuid?.() === 0
const asRoot = (name: string, run: () => Promise<void>): void => void (isRoot && test(name, run))
const asOther = (name: string, run: () => Promise<void>): void => void (isRoot || test(name, run))

const outcome = (keys: ApiKeys, key: string): string => {
  try {
    const result = keys.verify(key)
    if (result instanceof Promise) throw new Error('late')
    return result.ok ? 'ok' : result.reason
  } catch (error) {
    expect(error).toMatchObject({ name: 'ApiKeyError', fault: 'unavailable' })
    return (error as { code: string }).code
  }
}
/** Within a second of what was done, and from then on. */
const becomes = async (keys: ApiKeys, key: string, expected: string): Promise<void> => {
  await vi.waitFor(() => expect(outcome(keys, key)).toBe(expected), { timeout: 1000, interval: 5 })
  expect(outcome(keys, key)).toBe(expected)
}

const inUse = async () => {
  const path = freshPath()
  const store = fileStore(path)
  const keys = createApiKeys({ store, lastUseIntervalMs: false })
  ends.push(() => store.close())
  const { key } = await keys.create({ name: 'ci', grants: ['get_*'] })
  expect(outcome(keys, key)).toBe('ok')
  return { path, keys, key, text: readFileSync(path, 'utf8') }
}

/** What an unlucky operator or someone with a foot in the door does to the file, and what puts it right. */
const accidents: [string, string, (path: string) => void, ((path: string, text: string) => void)?][] = [
  ['is readable for all', 'ERR_APIKEY_STORE', (path) => chmodSync(path, 0o644), (path) => chmodSync(path, 0o600)],
  ['is writable for a group', 'ERR_APIKEY_STORE', (path) => chmodSync(path, 0o620), (path) => chmodSync(path, 0o600)],
  ['is cut short', 'ERR_APIKEY_STORE', (path) => writeFileSync(path, readFileSync(path).subarray(0, 60))],
  ['is emptied', 'ERR_APIKEY_STORE', (path) => writeFileSync(path, '')],
  ['is no text', 'ERR_APIKEY_STORE', (path) => writeFileSync(path, Buffer.from([0xff, 0xfe, 0, 1]))],
  [
    'is a folder',
    'ERR_APIKEY_STORE',
    (path) => {
      rmSync(path)
      mkdirSync(path, { mode: 0o700 })
    },
    (path, text) => {
      rmSync(path, { recursive: true })
      writeFileSync(path, text, { mode: 0o600 })
    },
  ],
  [
    'is a link to a file with other keys',
    'ERR_APIKEY_STORE',
    (path) => {
      const elsewhere = join(dirname(path), 'elsewhere.json')
      copyFileSync(path, elsewhere)
      chmodSync(elsewhere, 0o600)
      rmSync(path)
      symlinkSync(elsewhere, path)
    },
    (path, text) => {
      rmSync(path)
      writeFileSync(path, text, { mode: 0o600 })
    },
  ],
  ['is removed', 'unknown', (path) => rmSync(path), (path, text) => writeFileSync(path, text, { mode: 0o600 })],
  [
    'is moved away with its folder',
    'unknown',
    (path) => renameSync(dirname(path), `${dirname(path)}-away`),
    (path) => renameSync(`${dirname(path)}-away`, dirname(path)),
  ],
]

describe('a key file that', () => {
  test.each(accidents)('%s: %s within a second, and mended it serves again', async (_what, expected, harm, mend) => {
    const { path, keys, key, text } = await inUse()
    harm(path)
    await becomes(keys, key, expected)
    if (expected === 'ERR_APIKEY_STORE') {
      await expect(keys.revoke('ci')).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
      await expect(keys.create({ name: 'new', grants: [] })).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
    }
    ;(mend ?? ((to: string) => writeFileSync(to, text)))(path, text)
    await becomes(keys, key, 'ok')
  })

  asRoot('belongs to someone else is refused, and right again when it is given back', async () => {
    const { path, keys, key } = await inUse()
    chownSync(path, 4321, 4321)
    await becomes(keys, key, 'ERR_APIKEY_STORE')
    await expect(keys.revoke('ci')).rejects.toMatchObject({ code: 'ERR_APIKEY_STORE' })
    expect(statSync(path).uid).toBe(4321)
    chownSync(path, 0, 0)
    await becomes(keys, key, 'ok')
  })

  asRoot('may be shared with a group keeps it when it is written, and is never opened further', async () => {
    const { path, keys } = await inUse()
    chownSync(path, 0, 4321)
    await keys.create({ name: 'second', grants: [] })
    const { uid, gid, mode } = statSync(path)
    expect([uid, gid, mode & 0o777]).toEqual([0, 4321, 0o600])
  })

  asRoot('one who may not keep its group refuses to write, and leaves it as it was', async () => {
    const { path, key, text } = await inUse()
    // The owner of the file, and no member of the group that it was given to.
    chownSync(dirname(path), 65534, 65534)
    chmodSync(dirname(dirname(path)), 0o755)
    chownSync(path, 65534, 4321)
    const program = startProgram(`
process.setgroups([]); process.setgid(65534); process.setuid(65534)
const keys = lib.createApiKeys({ store: lib.fileStore(${JSON.stringify(path)}), lastUseIntervalMs: false })
say(keys.verify(${JSON.stringify(key)}).ok)
say(await keys.revoke('ci').catch((error) => [error.code, error.fault]))`)
    await program.closed
    expect(program.said<unknown>()).toEqual([true, ['ERR_APIKEY_STORE', 'unavailable']])
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect([statSync(path).uid, statSync(path).gid]).toEqual([65534, 4321])
  })

  asOther('may not be read is refused', async () => {
    const { path, keys, key } = await inUse()
    chmodSync(path, 0o000)
    await becomes(keys, key, 'ERR_APIKEY_STORE')
    chmodSync(path, 0o600)
    await becomes(keys, key, 'ok')
  })
})

test('a revocation by another process is heard, not found by looking every 250 ms', { timeout: 300_000 }, async () => {
  const { path, keys } = await inUse()
  const rounds = isLong ? 500 : 20
  const writer = startProgram(`
const keys = lib.createApiKeys({ store: lib.fileStore(${JSON.stringify(path)}), lastUseIntervalMs: false })
process.stdin.on('data', async (chunk) => {
  for (const id of String(chunk).split('\\n').filter(Boolean)) {
    await keys.revoke(id)
    say(Date.now())
  }
})`)
  ends.push(() => writer.kill())
  const lags: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { key, record } = await keys.create({ name: `of ${round}`, grants: [] })
    expect(outcome(keys, key)).toBe('ok')
    writer.tell(record.id)
    // In a tight loop: no look falls due in between that would not have been made by a server at work.
    while (outcome(keys, key) === 'ok') await new Promise((resolve) => setImmediate(resolve))
    const seenMs = Date.now()
    await vi.waitFor(() => expect(writer.said<number>()).toHaveLength(round + 1), { timeout: 5000, interval: 1 })
    lags.push(seenMs - (writer.said<number>()[round] as number))
  }
  lags.sort((a, b) => a - b)
  const at = (share: number) => lags[Math.floor((lags.length - 1) * share)] as number
  if (isLong) console.log(`seen after, ms from the promise: p50 ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)}`)
  // By looking alone half of them would take longer than 125 ms.
  expect(at(0.5)).toBeLessThan(isLong ? 100 : 10_000)
})
