import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

it('the program in README.md prints what README.md says', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const program = /```js\n([\s\S]*?)```/.exec(readme)?.[1] as string
  const shown = [...program.matchAll(/\/\/ > (.*)$/gm)].map((match) => match[1])
  const file = join(root, `.readme-${process.pid}.mjs`)
  writeFileSync(file, program)
  try {
    const output = execFileSync(process.execPath, [file], { cwd: root, encoding: 'utf8' })
    expect(output.trimEnd().split('\n')).toEqual(shown)
    expect(shown.length).toBeGreaterThan(1)
  } finally {
    rmSync(file, { force: true })
  }
})
