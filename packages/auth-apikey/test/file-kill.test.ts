import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { type ApiKeyRecord, createApiKeys, fileStore } from '../src/index.ts'
import { isLong, type Said, startProgram, writeForEver } from './acknowledged.ts'
import { freshPath } from './scratch.ts'

const KILLS = isLong ? 500 : 10
const CHANGES = isLong ? 100 : 12

/** A new process has the say over what is in the file: this one might remember. */
const readAnew = async (path: string): Promise<Map<string, ApiKeyRecord>> => {
  const program = startProgram(`
const keys = lib.createApiKeys({ store: lib.fileStore(${JSON.stringify(path)}), lastUseIntervalMs: false })
say(await keys.list())`)
  await program.closed
  expect(program.child.exitCode).toBe(0)
  const [records = []] = program.said<ApiKeyRecord[]>()
  return new Map(records.map((record) => [record.id, record]))
}

/** What was promised, change by change. */
const checkSaid = (said: readonly Said[], records: ReadonlyMap<string, ApiKeyRecord>): void => {
  const lastField = new Map(said.flatMap((one) => (one.did === 'update' ? [[one.id, one.field] as const] : [])))
  for (const one of said) {
    const record = records.get(one.id) as ApiKeyRecord
    expect(record, `${one.did} ${one.id}`).toBeDefined()
    if (one.did === 'revoke') expect(record.status).toBe('revoked')
    if (one.did === 'disable') expect(record.status).toBe('disabled')
    if (one.did === 'child') expect(record.parent).toBe(one.parent)
    if (one.did === 'rotate') {
      expect(record.replaces).toBe(one.replaces)
      expect(records.get(one.replaces)?.replaced?.by).toBe(one.id)
    }
  }
  // A later one may stand as well: one that was not promised any more, or one of its successor, which it follows.
  for (const [id, field] of lastField) {
    const [stands = ''] = Object.keys(records.get(id)?.metadata ?? {})
    expect(Number(stands.slice(1))).toBeGreaterThanOrEqual(Number(field.slice(1)))
  }
}

/** Nothing that is done to several records at once is there by half. */
const checkWhole = (records: ReadonlyMap<string, ApiKeyRecord>): void => {
  const names = new Map<string, string>()
  for (const record of records.values()) {
    if (record.replaces !== undefined) expect(records.get(record.replaces)?.replaced?.by).toBe(record.id)
    if (record.replaced !== undefined) expect(records.get(record.replaced.by)?.replaces).toBe(record.id)
    const family = [...records.values()].filter(({ family: one }) => one === record.family)
    expect(new Set(family.map(({ status }) => status)).size).toBe(1)
    if (record.status === 'revoked' || record.replaced !== undefined) continue
    expect(names.get(record.name) ?? record.id).toBe(record.id)
    names.set(record.name, record.id)
  }
}

test(`${KILLS} writers killed at any moment: nothing promised is lost, nothing is there by half, no lock stays`, {
  timeout: KILLS * 3000 + 20_000,
}, async () => {
  let path = freshPath()
  let before: Said[] = []
  let promised = 0
  for (let round = 0; round < KILLS; round++) {
    // A file that grows for ever measures the growing.
    if (round % 25 === 24) [path, before] = [freshPath(), []]
    const writer = startProgram(writeForEver(`lib.fileStore(${JSON.stringify(path)})`))
    while (writer.said().length < 3) await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 120))
    await writer.kill()
    const said = writer.said()
    promised += said.length
    before = [...before, ...said]
    const records = await readAnew(path)
    checkSaid(before, records)
    checkWhole(records)
    // The next one is not held up by what the killed one left behind, and clears it away.
    const keys = createApiKeys({ store: fileStore(path), lastUseIntervalMs: false })
    await keys.create({ name: `after ${round}`, grants: [] })
    // What was begun and never took its place stays beside the file, one piece a kill at most; no lock does.
    const left = readdirSync(dirname(path)).filter((name) => !/^api_keys\.json(?:\.uses)?$/.test(name))
    expect(left).not.toContain('api_keys.json.lock')
    expect(left.filter((name) => !/\.(?:tmp|new)$/.test(name))).toEqual([])
    expect(left.length).toBeLessThanOrEqual(round + 1)
  }
  expect(promised).toBeGreaterThan(KILLS * 3)
})

const finish = async (programs: readonly ReturnType<typeof startProgram>[]): Promise<void> => {
  await Promise.all(programs.map(({ closed }) => closed))
  expect(programs.map(({ child }) => child.exitCode)).toEqual(programs.map(() => 0))
}

test('eight processes that create at once: all is kept', { timeout: 240_000 }, async () => {
  const path = freshPath()
  const programs = Array.from({ length: 8 }, (_, nth) =>
    startProgram(`
const keys = lib.createApiKeys({ store: lib.fileStore(${JSON.stringify(path)}), lastUseIntervalMs: false })
for (let n = 0; n < ${CHANGES}; n++) say({ did: 'create', id: (await keys.create({ name: '${nth}-' + n, grants: [] })).record.id })`),
  )
  await finish(programs)
  const records = await readAnew(path)
  expect(records.size).toBe(8 * CHANGES)
  for (const { id } of programs.flatMap((program) => program.said())) expect(records.has(id)).toBe(true)
})

test('eight processes that change one record, each seeing what it changes: no change is lost', {
  timeout: 240_000,
}, async () => {
  const path = freshPath()
  const { record } = await createApiKeys({ store: fileStore(path) }).create({ name: 'one', grants: [] })
  const each = Math.ceil(CHANGES / 4)
  const programs = Array.from({ length: 8 }, (_, nth) =>
    startProgram(`
const keys = lib.createApiKeys({ store: lib.fileStore(${JSON.stringify(path)}), lastUseIntervalMs: false })
for (let n = 0; n < ${each}; ) {
  const { rev, metadata } = await keys.get('${record.id}')
  const own = Number(metadata?.p${nth} ?? 0) + 1
  try {
    await keys.update('${record.id}', { metadata: { ...metadata, p${nth}: String(own) } }, { ifRev: rev })
    n++
  } catch (error) {
    if (error.code !== 'ERR_APIKEY_CONFLICT') throw error
  }
}`),
  )
  await finish(programs)
  const after = (await readAnew(path)).get(record.id)
  expect(after?.metadata).toEqual(Object.fromEntries(Array.from({ length: 8 }, (_, nth) => [`p${nth}`, String(each)])))
  expect(after?.rev).toBe(1 + 8 * each)
})
