import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuditLog } from '@portcullis/audit'
import { expect, test } from 'vitest'
import { deriveKey } from '@portcullis-internal/files'
import { freshWorkspace } from './cli.ts'

const masterKey = new Uint8Array(32).fill(9)
const masterText = Buffer.from(masterKey).toString('base64url')

const auditedWorkspace = async (keyed = true) => {
  const workspace = freshWorkspace()
  if (keyed) workspace.put('config/master.key', `${masterText}\n`)
  const file = join(workspace.cwd, 'config', 'audit', 'audit.jsonl')
  const log = createAuditLog({ file, ...(keyed ? { key: deriveKey(masterKey, 'audit') } : {}) })
  await log.record({ type: 'call' })
  await log.record({ type: 'call' })
  await log.close()
  return { ...workspace, file, head: `${log.head.sequence}:${log.head.hash}` }
}

test('the key is HKDF-SHA256 of the master key', () => {
  expect(Buffer.from(deriveKey(masterKey, 'audit')).toString('hex')).toBe(
    '0ec5a935bdc1e41214b790e0b10ab814bbaeb49a790690fffbc0ec1fffedd945',
  )
})

test('a good log is exit 0 and its head is the data', async () => {
  const { run, file, head } = await auditedWorkspace()
  expect(run(['audit', 'verify'])).toMatchObject({ status: 0, stdout: `${head}\n` })
  expect(run(['audit', 'verify', file, '--expect-head', head]).status).toBe(0)
  const report = JSON.parse(run(['audit', 'verify', '--json']).stdout)
  expect(report).toMatchObject({ file, status: 'ok', records: 3, head: { sequence: 2 } })
})

test('a changed, torn or cut log is exit 8 and says where', async () => {
  const { run, file, head } = await auditedWorkspace()
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('"seq":1', '"seq":7'))
  const broken = run(['audit', 'verify'])
  expect(broken.status).toBe(8)
  expect(broken.stderr).toContain('BROKEN at line 2')
  expect(JSON.parse(run(['audit', 'verify', '--json']).stdout)).toMatchObject({ status: 'broken', line: 2, records: 1 })
  writeFileSync(file, text)
  appendFileSync(file, '{"seq":3')
  expect(run(['audit', 'verify'])).toMatchObject({ status: 8, stderr: expect.stringContaining('torn tail') })
  writeFileSync(file, text.split('\n').slice(0, 2).join('\n') + '\n')
  expect(run(['audit', 'verify']).status).toBe(0)
  expect(run(['audit', 'verify', '--expect-head', head])).toMatchObject({
    status: 8,
    stderr: expect.stringContaining('cut off'),
  })
})

test('a log without a key is verified where there is none, or with --no-key', async () => {
  const plain = await auditedWorkspace(false)
  expect(plain.run(['audit', 'verify']).status).toBe(0)
  plain.put('config/master.key', masterText)
  expect(plain.run(['audit', 'verify']).status).toBe(8)
  expect(plain.run(['audit', 'verify', '--no-key']).status).toBe(0)
})

test('no log is exit 3, a bad head 2, a keyed log without its key and bad key files 78', async () => {
  expect(freshWorkspace().run(['audit', 'verify'])).toMatchObject({ status: 3, stdout: '' })
  const { run, put } = await auditedWorkspace()
  expect(run(['audit', 'verify', '--expect-head', '5']).status).toBe(2)
  expect(run(['audit', 'verify', '--no-key']).status).toBe(78)
  put('config/master.key', masterText, 0o644)
  expect(run(['audit', 'verify'])).toMatchObject({ status: 78, stderr: expect.stringContaining('chmod 600') })
  for (const text of ['', `${masterText}=`, `${masterText}\n\n`]) {
    put('config/master.key', text)
    expect(run(['audit', 'verify'])).toMatchObject({ status: 78, stderr: expect.stringContaining('master.key') })
  }
})
