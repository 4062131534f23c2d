import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll } from 'vitest'

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-files-')))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let directories = 0
export const freshDirectory = (): string => {
  const directory = join(scratch, `d${++directories}`)
  mkdirSync(directory, { mode: 0o700 })
  return directory
}

let built: string | undefined
/** This workspace ships as source, so a child process gets it compiled to plain JavaScript. */
const build = (): string => {
  if (built) return built
  const source = new URL('../src/', import.meta.url)
  const out = join(scratch, 'js')
  mkdirSync(out)
  writeFileSync(join(out, 'package.json'), '{"type":"module"}')
  for (const name of readdirSync(source)) {
    const { outputText } = ts.transpileModule(readFileSync(new URL(name, source), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    })
    writeFileSync(join(out, name.replace(/\.ts$/, '.js')), outputText)
  }
  built = pathToFileURL(join(out, 'index.js')).href
  return built
}

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts real Node on `body`, in which `files` is this workspace and `print(text)` writes a line. */
export const startChild = (body: string): ChildProcess => {
  const code = `import * as files from ${JSON.stringify(build())}
import { writeSync, readFileSync } from 'node:fs'
const print = (text) => writeSync(1, text + '\\n')
${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

export const firstLine = async (child: ChildProcess): Promise<string> => {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.split('\n')[0] ?? ''
}

export const exitOf = async (child: ChildProcess): Promise<number | string> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode ?? child.signalCode ?? -1
}
