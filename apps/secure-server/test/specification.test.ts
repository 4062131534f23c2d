import { createApiKeys, memoryStore } from '@portcullis/auth-apikey'
import { compileGrants } from '@portcullis/authz'
import { createRateLimiter } from '@portcullis/ratelimit'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const table = readFileSync(join(root, 'docs/specification.md'), 'utf8')
const rowCount = 14

interface Row {
  readonly number: number
  readonly proof: string
}

const rowsOf = (markdown: string): Row[] =>
  markdown
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, number]) => /^\d+$/.test(number ?? ''))
    .map((cells) => ({ number: Number(cells[1]), proof: cells[4] ?? '' }))

/** A test is there when its title stands, whole, as the first argument of a call. */
const hasTest = (source: string, title: string): boolean => {
  const literal = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`\\(\\s*'${literal}',`).test(source)
}

/** What is wrong with the proof of a row, in words; nothing when every test that it names is there and runs. */
const problemsOf = ({ number, proof }: Row): string[] => {
  if (proof === 'not yet') return []
  return proof.split('<br>').flatMap((item) => {
    const [, file, title] = /^`([^`]+(?:\.test|\/conformance)\.ts)`: `([^`]+)`$/.exec(item) ?? []
    if (file === undefined || title === undefined) return [`row ${number}: not a proof: ${item}`]
    if (!existsSync(join(root, file))) return [`row ${number}: no file ${file}`]
    const source = readFileSync(join(root, file), 'utf8')
    if (/\b(?:describe|it|test)\.(?:skip|todo|only|fails)\b/.test(source))
      return [`row ${number}: ${file} leaves tests out`]
    return hasTest(source, title) ? [] : [`row ${number}: no test ${JSON.stringify(title)} in ${file}`]
  })
}

describe('docs/specification.md', () => {
  const rows = rowsOf(table)

  it('has every row once', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: rowCount }, (_, index) => index + 1))
  })

  it('names tests that are there', () => {
    expect(rows.flatMap(problemsOf)).toEqual([])
    expect(rows.filter(({ proof }) => proof === 'not yet').map(({ number }) => number)).toEqual([])
  })

  it.each([
    ['a file that is not there', '`apps/secure-server/test/none.test.ts`: `is the key`', 'no file'],
    ['a test that is not there', '`apps/secure-server/test/first-run.test.ts`: `makes one key`', 'no test'],
    ['no test at all', 'it works', 'not a proof'],
    ['nothing', '', 'not a proof'],
  ])('would be caught naming %s', (_, proof, problem) => {
    expect(problemsOf({ number: 1, proof })).toEqual([expect.stringContaining(problem)])
  })
})

describe('the security tests of the specification', () => {
  it('API key validation: the key that was generated is known by its name, any other is nobody', async () => {
    const keys = createApiKeys({ store: memoryStore() })
    const { key } = await keys.create({ name: 'test', grants: ['hello_world'] })
    expect(await keys.verify(key)).toMatchObject({ ok: true, record: { name: 'test' } })
    expect(await keys.verify('invalid-key')).toEqual({ ok: false, reason: 'unknown' })
  })

  it('tool permissions: a key for hello_world may call it and not debug_info', async () => {
    const keys = createApiKeys({ store: memoryStore() })
    const { key } = await keys.create({ name: 'limited', grants: ['hello_world'] })
    const verified = await keys.verify(key)
    const grants = compileGrants(verified.ok ? verified.principal.grants : [])
    const may = (name: string) => grants.decide({ kind: 'tool', server: 'local', name }).allowed
    expect([may('hello_world'), may('debug_info')]).toEqual([true, false])
  })

  it('rate limiting: normal use passes, and whoever is at the limit is stopped', () => {
    const limiterOf = (limit: number) =>
      createRateLimiter({ limits: [{ name: 'default', algorithm: 'window', limit, windowMs: 60_000 }] })
    const usual = limiterOf(100)
    for (let index = 0; index < 50; index++) expect(usual.check('test_client').allowed).toBe(true)
    expect(usual.peek('test_client').remaining).toBe(50)
    // The specification sets the limit to ten, sends five, and calls the sixth refused: a limit of five is what it shows.
    const low = limiterOf(5)
    for (let index = 0; index < 5; index++) expect(low.check('test_client2').allowed).toBe(true)
    expect(low.check('test_client2')).toMatchObject({ allowed: false, remaining: 0 })
  })
})
