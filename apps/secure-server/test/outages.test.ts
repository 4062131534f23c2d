import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  administer,
  call,
  createKey,
  eventually,
  post,
  request,
  start,
  type Started,
  temporary,
  write,
} from './support.ts'

vi.setConfig({ testTimeout: 40_000 })

const operationsOf = (errors: string): string =>
  /"event":"operations.ready","url":"([^"]+)"/.exec(errors)?.[1] as string

describe('an audit log that cannot be written', () => {
  const expectBlocked = async (server: Started, key: string): Promise<void> => {
    const refused = await post(server.url, key, call('get_time'))
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]/)
    expect(refused.body.error.data.code).toBe('PORTCULLIS_UNAVAILABLE')
    expect((await fetch(`${operationsOf(server.errors())}/readyz`)).status).toBe(503)
    // A stranger cannot tell, and a ping needs no line in the log.
    expect((await post(server.url, 'nonsense', call('get_time'))).status).toBe(401)
    expect((await post(server.url, key, request('ping'))).status).toBe(200)
  }

  it('lets nothing authenticated run', async () => {
    const server = await start({ maxFileKiB: 8 })
    const key = server.key()
    const statuses: number[] = []
    while (statuses.at(-1) !== 503 && statuses.length < 100) {
      statuses.push((await post(server.url, key, call('get_time'))).status)
    }
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    await expectBlocked(server, key)
    // What was acknowledged is there: as many decisions as there were answers.
    const lines = readFileSync(join(server.dir, 'audit/audit.jsonl'), 'utf8').split('\n')
    const allowed = lines.filter((line) => line.includes('"allowed":true'))
    expect(allowed.length).toBeGreaterThanOrEqual(statuses.filter((status) => status === 200).length)
  })

  it('lets everything run with onFailure: continue, and says so', async () => {
    const server = await start({
      maxFileKiB: 8,
      files: { 'portcullis.yaml': JSON.stringify({ audit: { onFailure: 'continue' } }) },
    })
    const key = server.key()
    for (let index = 0; index < 60; index++) expect((await post(server.url, key, call('get_time'))).status).toBe(200)
    await eventually(() => server.errors().includes('audit.fault'))
  })

  it('goes on when a full disk has room again (needs the right to mount; else it says that it did not look)', async () => {
    const disk = join(temporary(), 'disk')
    mkdirSync(disk)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', disk]).status !== 0) {
      console.warn('Nobody may mount here: whether a server recovers from a full disk was not looked at.')
      return
    }
    onTestFinished(() => void spawnSync('umount', ['-l', disk]))
    const file = join(disk, 'audit.jsonl')
    const server = await start({ files: { 'portcullis.yaml': JSON.stringify({ audit: { file } }) } })
    const key = server.key()
    for (const size of [4096, 512, 1]) {
      try {
        for (let index = 0; ; index++) writeFileSync(join(disk, `ballast-${size}-${index}`), Buffer.alloc(size))
      } catch {}
    }
    await eventually(async () => (await post(server.url, key, call('get_time'))).status === 503)
    await expectBlocked(server, key)
    for (const name of readdirSync(disk)) if (name.startsWith('ballast')) rmSync(join(disk, name))
    await eventually(async () => (await post(server.url, key, call('get_time'))).status === 200, 10_000)
    expect(await server.stop()).toBe(0)
    expect(administer(server.dir, 'audit', 'verify', file).code).toBe(0)
  })
})

describe('a stop', () => {
  it('by SIGTERM: not ready, what is under way is answered, nothing new, the log is whole, exit 0', async () => {
    const server = await start({ args: ['--', process.execPath, '-e', slowServer] })
    const ops = operationsOf(server.errors())
    const key = server.key()
    const slow = post(server.url, key, call('slow'))
    await eventually(() => existsSync(join(server.cwd, 'entered')))
    server.child.kill('SIGTERM')
    await eventually(async () => (await fetch(`${ops}/readyz`).catch(() => ({ status: 0 }))).status === 503)
    await expect(fetch(server.url)).rejects.toThrow()
    writeFileSync(join(server.cwd, 'go'), '')
    const { status, body } = await slow
    expect([status, body.result.content[0].text]).toEqual([200, 'done'])
    expect(await server.stop()).toBe(0)
    expect(administer(server.dir, 'audit', 'verify').code).toBe(0)
    const log = readFileSync(join(server.dir, 'audit/audit.jsonl'), 'utf8')
    expect(log).toContain('"outcome"')
  })

  /** Answers `tools/call` once a file is there. */
  const slowServer = `
    const { existsSync, writeFileSync } = require('fs')
    const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
    let rest = ''
    process.stdin.on('data', (chunk) => {
      const lines = (rest + chunk).split('\\n')
      rest = lines.pop()
      for (const line of lines) {
        const { id, method } = JSON.parse(line)
        if (method === 'initialize') say(id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } })
        if (method === 'tools/call') {
          writeFileSync('entered', '')
          const wait = setInterval(() => {
            if (!existsSync('go')) return
            clearInterval(wait)
            say(id, { content: [{ type: 'text', text: 'done' }] })
          }, 20)
        }
      }
    })`
})

describe('a configuration', () => {
  it('is read once: a broken one later does not stop what runs, and ends the next start', async () => {
    const server = await start({ files: { 'portcullis.yaml': 'log: { level: info }' } })
    const key = createKey(server.dir, 'ci', 'get_time')
    write(join(server.dir, 'portcullis.yaml'), 'log: { level: [')
    await eventually(async () => (await post(server.url, key, call('get_time'))).status === 200)
    expect(await server.stop()).toBe(0)
    await expect(start({ cwd: server.cwd })).rejects.toThrow(/portcullis\.yaml/)
  })
})
