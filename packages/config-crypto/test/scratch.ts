import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, vi } from 'vitest'

// Many tests start processes, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-config-')))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let folders = 0
/** A folder of its own, mode 0700. */
export const freshFolder = (): string => {
  const folder = join(scratch, `d${++folders}`)
  mkdirSync(folder, { mode: 0o700 })
  return folder
}

export const put = (path: string, content: string | Uint8Array, mode = 0o600): string => {
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

export const failsWith = (code: string, fault?: string) =>
  expect.objectContaining({ name: 'ConfigError', code, ...(fault === undefined ? {} : { fault }) })

/** What a call throws or rejects with. */
export const failureOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

export interface ChildOptions {
  /** Counts from the first output. */
  readonly killAfterMs?: number
  /** A shell command that runs Node as its arguments say. */
  readonly shell?: string
}

/** Runs `body` in real Node with the built package as `lib`; resolves with its output and exit code. */
export const runChild = async (
  body: string,
  { killAfterMs, shell }: ChildOptions = {},
): Promise<{ code: number | null; text: string }> => {
  const code = `import * as lib from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
import { writeSync } from 'node:fs'
${body}`
  const args = [process.execPath, '--input-type=module', '-e', code]
  const [command = '', ...rest] = shell === undefined ? args : ['sh', '-c', shell, ...args]
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let text = ''
  child.stdout.on('data', (chunk) => {
    if (text === '' && killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    text += String(chunk)
  })
  await once(child, 'close')
  return { code: child.exitCode, text }
}

/** A published set of vectors as its file has it; `undefined` where there are none, which is said. */
export const vectorsFrom = <T>(file: string): T | undefined => {
  const named = process.env['PORTCULLIS_TEST_DATA']
  const path = join(named ?? join(import.meta.dirname, '../../../../shared'), 'vectors/crypto', file)
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as T
  // Who names a folder means it.
  if (named !== undefined) throw new Error(`PORTCULLIS_TEST_DATA has no ${JSON.stringify(path)}`)
  console.warn(`\n\n*** NO VECTORS ${file}: only the built-in ones are tested. Set PORTCULLIS_TEST_DATA. ***\n\n`)
  return undefined
}

export const isLong = process.env['PORTCULLIS_LONG'] === '1'
