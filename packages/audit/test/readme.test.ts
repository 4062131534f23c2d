import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the program in the README prints what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const program = /```js\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const expected = [...program.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map((match) => match[1])
  expect(expected.length).toBeGreaterThan(0)
  // Inside the package, so that its own name resolves to what was built.
  const file = fileURLToPath(new URL(`../.readme-${process.pid}.mjs`, import.meta.url))
  const scratch = mkdtempSync(join(tmpdir(), 'portcullis-readme-'))
  writeFileSync(file, program)
  try {
    const { stdout, stderr } = spawnSync(process.execPath, [file], {
      encoding: 'utf8',
      cwd: scratch,
      env: { ...process.env, TMPDIR: scratch },
    })
    expect(stderr).toBe('')
    expect(stdout.trimEnd().split('\n')).toEqual(expected)
  } finally {
    rmSync(file)
    rmSync(scratch, { recursive: true })
  }
})
