import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-keys-')))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let directories = 0
/** A path for a key file in a folder of its own; with `content`, the file is there. */
export const freshPath = (content?: string, mode = 0o600): string => {
  const directory = join(scratch, `d${++directories}`)
  mkdirSync(directory, { mode: 0o700 })
  const path = join(directory, 'api_keys.json')
  if (content !== undefined) {
    writeFileSync(path, content)
    chmodSync(path, mode)
  }
  return path
}

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Runs `body` in real Node with the built package as `lib`, the key file as `path`, and resolves with its output and exit code; `killAfterMs` counts from its first output. */
export const runChild = async (
  path: string,
  body: string,
  killAfterMs?: number,
): Promise<{ code: number | null; text: string }> => {
  const code = `import * as lib from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
const path = ${JSON.stringify(path)}
${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let text = ''
  child.stdout.on('data', (chunk) => {
    if (text === '' && killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    text += String(chunk)
  })
  await once(child, 'close')
  return { code: child.exitCode, text }
}

export const legacyText = JSON.stringify({
  api_keys: {
    production: 'sk-prod-1234567890abcdef1234567890',
    development: 'sk-dev-abcdef1234567890',
    readonly: 'sk-ro-fedcba0987654321',
    nothing: 'sk-no-0000111122223333',
  },
  key_permissions: {
    production: ['*'],
    development: ['hello_world', 'echo', 'get_time', 'debug_info'],
  },
})
