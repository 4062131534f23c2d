import { runReadme } from '@portcullis-internal/testing'
import { readFileSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { program, run, temporary } from './support.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

describe('README.md', () => {
  it('shows a program that prints what README.md says', () => {
    const bin = temporary()
    symlinkSync(program, join(bin, 'portcullis-server'))
    const { printed, shown, errors } = runReadme(new URL('..', import.meta.url), {
      PATH: `${bin}${delimiter}${process.env['PATH']}`,
    })
    expect(errors).toBe('')
    expect(shown.length).toBeGreaterThan(1)
    expect(printed).toEqual(shown)
  })

  it('has every flag of --help, and no other', () => {
    const flagsOf = (text: string) => new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g))
    const table = readme.split('\n').filter((line) => line.startsWith('| `-'))
    expect(flagsOf(table.join('\n'))).toEqual(flagsOf(run(['--help'], { cwd: temporary() }).stdout))
  })
})
