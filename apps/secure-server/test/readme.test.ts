import { runReadme } from '@portcullis-internal/testing'
import { readFileSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { post, program, request, run, start, temporary, write } from './support.ts'

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

describe('docs/configuration.md', () => {
  const documented = /```yaml\n([\s\S]*?)```/.exec(
    readFileSync(join(root, '../../docs/configuration.md'), 'utf8'),
  )?.[1] as string

  it('shows a file that the program takes as it stands, but for where it listens', async () => {
    const yaml = documented.replace(/^ +publicUrl: .*\n/m, '').replace(/\bport: \d+/g, 'port: 0')
    expect(yaml).not.toContain('publicUrl')
    expect(yaml.match(/port: 0/g)).toHaveLength(2)
    const cwd = temporary()
    const file = write(join(cwd, 'documented.yaml'), yaml)
    const server = await start({ cwd, args: ['--config', file, '--dir', join(cwd, 'config')] })
    expect((await post(server.url, server.key(), request('ping'))).status).toBe(200)
    expect(await server.stop()).toBe(0)
  })

  it('shows no key that the program does not know', () => {
    const cwd = temporary()
    const file = write(join(cwd, 'mistaken.yaml'), documented.replace('maxDepth', 'maxDepht'))
    const { code, stderr } = run(['--config', file, '--port', '0'], { cwd })
    expect([code, stderr]).toEqual([78, expect.stringContaining('did you mean "maxDepth"')])
  })
})
