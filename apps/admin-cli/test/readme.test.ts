import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { freshWorkspace, program } from './cli.ts'

test('the session in the README prints what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const session = /```bash\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const expected = [...session.matchAll(/ # (.*)$/gm)].map((match) => match[1])
  expect(expected.length).toBeGreaterThan(0)
  const script = `portcullis() { "$NODE" "$PROGRAM" "$@"; }\n${session}`
  const { stdout } = spawnSync('sh', ['-c', script], {
    cwd: freshWorkspace().cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', NODE: process.execPath, PROGRAM: program },
  })
  expect(stdout.trimEnd().split('\n')).toEqual(expected)
}, 60_000)
