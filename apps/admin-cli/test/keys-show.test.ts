import { join } from 'node:path'
import { createApiKeys, fileStore } from '@portcullis/auth-apikey'
import { expect, test } from 'vitest'
import { freshWorkspace, type Workspace } from './cli.ts'

const hour = 3_600_000
const day = 24 * hour
const create = ({ run }: Workspace, ...args: string[]): string =>
  run(['keys', 'create', ...args, '--quiet']).stdout.trim()
const list = ({ run }: Workspace, ...args: string[]): { id: string; name: string; status: string }[] =>
  JSON.parse(run(['keys', 'list', '--json', ...args]).stdout).keys
const idOf = ({ run }: Workspace, name: string): string => JSON.parse(run(['keys', 'show', name, '--json']).stdout).id

test('list names every state, until when a replaced key is good, and when keys were used', async () => {
  const workspace = freshWorkspace()
  const nowMs = Date.now()
  const store = fileStore(join(workspace.cwd, 'config', 'api_keys.json'))
  const then = createApiKeys({ store, clock: () => nowMs - 2 * day })
  await then.create({ name: 'over', grants: [], expiresAtMs: nowMs - hour, owner: 'ann' })
  await then.create({ name: 'early', grants: [], notBeforeMs: nowMs + day, tenant: 't' })
  await then.create({ name: 'ci', grants: [] })
  const { record: old } = await then.create({ name: 'old', grants: [], owner: 'ann', tenant: 't' })
  await then.rotate('old', { overlapMs: day })
  await createApiKeys({ store, clock: () => nowMs }).rotate('ci', { overlapMs: hour })
  await store.touch?.(new Map([[old.id, nowMs - 40 * day]]))
  const { status, stdout } = workspace.run(['keys', 'list'])
  expect(status).toBe(0)
  const rows = stdout.split('\n').map((line) => line.split(/ +/))
  expect(rows.slice(1, -1).map(([name, , state]) => [name, state])).toEqual([
    ['over', 'expired'],
    ['early', 'early'],
    ['ci', 'active'],
    ['old', 'rotated'],
    ['old', 'active'],
    ['ci', 'active'],
  ])
  const until = new Date(nowMs + hour).toISOString().slice(0, 16)
  expect(rows[3]?.[5]).toBe(`${until}Z`)
  expect([rows[4]?.[6], rows[5]?.[6]]).toEqual([new Date(nowMs - 40 * day).toISOString().slice(0, 10), '-'])
  expect(list(workspace)[3]).toMatchObject({ lastUsedAtMs: nowMs - 40 * day })
  const names = (...args: string[]) => list(workspace, ...args).map(({ name }) => name)
  expect([names('--owner', 'ann'), names('--owner', 'ann', '--tenant', 't'), names('--tenant', 'x')]).toEqual([
    ['over', 'old', 'old'],
    ['old', 'old'],
    [],
  ])
  expect(workspace.run(['keys', 'list', '--owner', 'eve\u001b[2J'])).toMatchObject({ status: 0, stdout: '' })
}, 60_000)

test('what others could have written of uses is not shown', () => {
  const { run, put } = freshWorkspace()
  run(['keys', 'create', 'ci'])
  const uses = put('config/api_keys.json.uses', '{"uses":{}}', 0o666)
  const { status, stdout, stderr } = run(['keys', 'list'])
  expect([status, stdout]).toEqual([78, ''])
  expect(stderr).toContain(`chmod 600 ${uses}`)
  expect(run(['keys', 'revoke', 'ci']).status).toBe(0)
}, 60_000)

test('show says everything but the hash, and what a key has to do with others', () => {
  const workspace = freshWorkspace()
  const { run } = workspace
  const options = ['--allow', 'get_*', '--allow', 'admin:delegate', '--owner', 'ann', '--limit', '100/90s']
  const key = create(workspace, 'agent', ...options, '--meta', 'team=core', '--from', '10.0.0.0/8', '--audience', 'a')
  run(['keys', 'issue', 'agent', 'sub', '--allow', 'get_time'])
  const [agent, sub] = [{ id: idOf(workspace, 'agent') }, { id: idOf(workspace, 'sub') }]
  const next = JSON.parse(run(['keys', 'rotate', 'agent', '--json']).stdout)
  const old = run(['keys', 'show', agent.id])
  expect([old.status, old.stderr]).toEqual([0, ''])
  for (const line of [
    `id +${agent.id}`,
    `key +pck_live_${agent.id}\\.\\.\\.${key.slice(-4)}`,
    'owner +ann',
    'limit +100/90s',
    'meta +team=core',
    'from +10\\.0\\.0\\.0/8',
    'audience +a',
    `replaced by +${next.id} \\("agent", active\\), \\d{4}-.*Z`,
    `child +${sub.id} \\("sub", active\\), expires .*`,
    'last used +not known',
    'revision +2',
  ]) {
    expect(old.stdout).toMatch(new RegExp(`^${line}$`, 'm'))
  }
  expect(old.stdout).not.toContain(key.slice(21, 60))
  expect(run(['keys', 'show', 'agent']).stdout).toMatch(new RegExp(`^replaces +${agent.id} .* good until`, 'm'))
  expect(run(['keys', 'show', 'sub']).stdout).toMatch(new RegExp(`^parent +${agent.id} \\("agent", active\\)$`, 'm'))
  const json = run(['keys', 'show', agent.id, '--json']).stdout
  expect(JSON.parse(json)).toMatchObject({
    id: agent.id,
    rev: 2,
    replaced: { by: next.id },
    relatives: [{ id: next.id }],
    children: [{ id: sub.id }],
  })
  expect(JSON.parse(run(['keys', 'show', 'sub', '--json']).stdout)).toMatchObject({ issuedBy: { id: agent.id } })
  expect(json).not.toMatch(/"hash"|"alg"|sha256/)
  expect(run(['keys', 'show', 'nobody'])).toMatchObject({ status: 3, stdout: '' })
  expect(run(['keys', 'show', ''])).toMatchObject({ status: 3, stdout: '' })
}, 60_000)
