import { createApiKeys, fileStore, formatKey, parseKey } from '@portcullis/auth-apikey'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { call, cleanEnv, eventually, post, program, start, type Started } from './support.ts'

vi.setConfig({ testTimeout: 40_000 })

const administration = (server: Started) => {
  const store = fileStore(join(server.dir, 'api_keys.json'))
  onTestFinished(() => store.close())
  return createApiKeys({ store, lastUseIntervalMs: false })
}

const reasonsIn = (server: Started): string[] =>
  readFileSync(join(server.dir, 'audit', 'audit.jsonl'), 'utf8')
    .split('\n')
    .flatMap((line) => /"reason":"([^"]+)"/.exec(line)?.[1] ?? [])

describe('a key that is not good', () => {
  it('has one answer outside, whatever is wrong with it, and the reason inside', async () => {
    const server = await start()
    const keys = administration(server)
    const soon = Date.now() + 1500
    const grants = ['get_time', 'admin:delegate']
    const named = async (name: string, more: object = {}) => (await keys.create({ name, grants, ...more })).key
    const texts = new Map([
      ['expired', await named('expired', { expiresAtMs: soon })],
      ['not_yet_valid', await named('early', { notBeforeMs: Date.now() + 3_600_000 })],
      ['wrong_audience', await named('audience', { audiences: ['https://elsewhere.example/mcp'] })],
      ['wrong_address', await named('address', { allowedAddresses: ['203.0.113.0/24'] })],
      ['disabled', await named('disabled')],
      ['revoked', await named('revoked')],
      ['rotated', await named('rotated')],
    ])
    await keys.create({ name: 'parent', grants })
    texts.set('parent', (await keys.issueChild({ idOrName: 'parent' }, { name: 'child', grants: ['get_time'] })).key)
    for (const [reason, text] of texts) {
      const now = (await post(server.url, text, call('get_time'))).status
      expect([reason, now]).toEqual([reason, /^(?:not_yet|wrong)/.test(reason) ? 401 : 200])
    }
    await keys.disable('disabled')
    await keys.revoke('revoked')
    await keys.rotate('rotated', { overlapMs: 0 })
    await keys.disable('parent')
    const some = texts.get('disabled') as string
    const { id = '' } = parseKey(some) ?? {}
    texts.set('malformed', `${some.slice(0, -1)}${some.endsWith('0') ? '1' : '0'}`)
    texts.set('unknown', formatKey({ prefix: 'pck', env: 'live', id, secret: 'A'.repeat(43) }))
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(soon), { timeout: 5000 })

    const answers = new Set<string>()
    for (const [reason, text] of texts) {
      const refused = await post(server.url, text, call('get_time'))
      expect([reason, refused.status]).toEqual([reason, 401])
      answers.add(`${refused.headers.get('www-authenticate')} ${JSON.stringify(refused.body)}`)
    }
    expect([...answers]).toHaveLength(1)
    expect([...answers][0]).toContain('error="invalid_token"')
    await server.stop()
    const reasons = reasonsIn(server).join()
    for (const reason of texts.keys()) expect(reasons).toContain(reason)
    for (const text of texts.values()) expect(server.errors()).not.toContain(text.slice(-49, -6))
  })

  it('that is restricted is good from where it may be used, and at the server that it is for', async () => {
    const publicUrl = 'https://mcp.example.com/mcp'
    const server = await start({ files: { 'portcullis.yaml': { listen: { publicUrl } } } })
    const keys = administration(server)
    const allowedAddresses = ['127.0.0.0/8', '::1']
    for (const [name, audience, status] of [
      ['by name', 'secure-mcp-server', 200],
      ['by URL', publicUrl, 200],
      ['elsewhere', 'https://mcp.example.com/', 401],
    ] as const) {
      const { key } = await keys.create({ name, grants: ['get_time'], allowedAddresses, audiences: [audience] })
      expect([name, (await post(server.url, key, call('get_time'))).status]).toEqual([name, status])
    }
  })
})

describe('when a key was used', () => {
  it('is written by a server that ends, beside the keys, and never on a pipe that has its own key', async () => {
    const server = await start()
    const keys = administration(server)
    const { key, record } = await keys.create({ name: 'ci', grants: ['get_time'] })
    const before = Date.now()
    expect((await post(server.url, key, call('get_time'))).status).toBe(200)
    expect(existsSync(join(server.dir, 'api_keys.json.uses'))).toBe(false)
    await server.stop()
    expect((await keys.lastUses()).get(record.id)).toBeGreaterThanOrEqual(before)

    rmSync(join(server.dir, 'api_keys.json.uses'))
    const files = readdirSync(server.dir)
    const { stdout } = spawnSync(process.execPath, [program, '--stdio', '--dir', server.dir], {
      env: cleanEnv({ MCP_API_KEY: key }),
      input: `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`,
      encoding: 'utf8',
    })
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: {} })
    expect(readdirSync(server.dir)).toEqual(files)
  })
})

describe('limits of keys', () => {
  it('a key has its own in place of those of all, and its children share them', async () => {
    const server = await start({
      files: { 'portcullis.yaml': { rateLimit: { api_key: { requests: 4, windowMs: 3_600_000 } } } },
    })
    const keys = administration(server)
    const limits = [{ requests: 7, windowMs: 3_600_000 }]
    const parent = await keys.create({ name: 'parent', grants: ['get_time', 'admin:delegate'], limits })
    const child = await keys.issueChild({ idOrName: 'parent' }, { name: 'child', grants: ['get_time'] })
    const plain = await keys.create({ name: 'plain', grants: ['get_time'] })
    const next = await keys.rotate('plain')
    const allowed = async (...texts: string[]) => {
      const answers = []
      for (let i = 0; i < 12; i++) answers.push(await post(server.url, texts[i % texts.length], call('get_time')))
      return answers.filter(({ status }) => status === 200).length
    }
    expect(await allowed(parent.key, child.key)).toBe(7)
    expect(await allowed(plain.key, next.key)).toBe(4)
    const refused = await post(server.url, child.key, call('get_time'))
    expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, expect.stringContaining('q=7')])
    await keys.update('parent', { limits: [{ requests: 100, windowMs: 3_600_000 }] })
    await eventually(async () => (await post(server.url, parent.key, call('get_time'))).status === 200)
  })
})

describe('a key file that cannot be relied on', () => {
  it('is 503 within a second, never the old rights, and mends', async () => {
    const server = await start()
    const keys = administration(server)
    const { key } = await keys.create({ name: 'ci', grants: ['get_time'] })
    const path = join(server.dir, 'api_keys.json')
    const good = readFileSync(path, 'utf8')
    const status = async () => (await post(server.url, key, call('get_time'))).status
    await eventually(async () => (await status()) === 200)
    const faults: Record<string, () => void> = {
      truncated: () => writeFileSync(path, good.slice(0, -4)),
      empty: () => writeFileSync(path, ''),
      'open to others': () => chmodSync(path, 0o644),
      ...(process.getuid?.() === 0 ? { "another user's": () => chownSync(path, 65_534, 65_534) } : {}),
      gone: () => rmSync(path),
    }
    for (const [fault, make] of Object.entries(faults)) {
      make()
      // A second is promised, which a busy machine may take for the request alone.
      await vi.waitFor(async () => expect([fault, await status()]).toEqual([fault, 503]), { interval: 5 })
      rmSync(path, { force: true })
      writeFileSync(path, good, { mode: 0o600 })
      await eventually(async () => (await status()) === 200)
    }
  })
})
