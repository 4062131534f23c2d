import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Runs the nth `js` program of a package's README, the first unless told otherwise, as a process of its own, from inside the package, so that the package's name means what was built.
 * `shown` is what the README says it prints: comments `// > line`, or what stands behind `console.log(...) //`.
 */
export const runReadme = (
  packageUrl: URL,
  env: Readonly<Record<string, string>> = {},
  nth = 0,
): { readonly printed: readonly string[]; readonly shown: readonly string[]; readonly errors: string } => {
  const root = fileURLToPath(packageUrl)
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const program = [...readme.matchAll(/```js\n(.*?)```/gs)][nth]?.[1] ?? ''
  const shown = [...program.matchAll(/(?:\/\/ > |^console\.log\(.*\) \/\/ (?!> ))(.*)$/gm)].map(
    (match) => match[1] ?? '',
  )
  const file = join(root, `.readme-${process.pid}.mjs`)
  const scratch = mkdtempSync(join(tmpdir(), 'portcullis-readme-'))
  writeFileSync(file, program)
  try {
    const { stdout, stderr } = spawnSync(process.execPath, [file], {
      encoding: 'utf8',
      cwd: scratch,
      env: { ...process.env, TMPDIR: scratch, ...env },
    })
    return { printed: stdout.trimEnd().split('\n'), shown, errors: stderr }
  } finally {
    rmSync(file, { force: true })
    rmSync(scratch, { recursive: true, force: true })
  }
}
