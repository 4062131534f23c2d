import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

export const program = fileURLToPath(new URL('../bin/portcullis.js', import.meta.url))

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-cli-')))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let workspaces = 0

export interface Workspace {
  /** The folder the program is started in; its `config` does not exist yet. */
  readonly cwd: string
  /** Puts a file there, mode 0600 in folders 0700. */
  readonly put: (path: string, content: string, mode?: number) => string
  /** Runs the built program as it is installed: a process of its own, with nothing of this one's environment but PATH. */
  readonly run: (args: readonly string[], env?: Record<string, string>) => SpawnSyncReturns<string>
  /** As `run`, with something on standard input. */
  readonly pipe: (args: readonly string[], input: string | Uint8Array) => SpawnSyncReturns<string>
  /** As `run`, beside others. */
  readonly start: (args: readonly string[]) => Promise<{ status: number | null; stdout: string; stderr: string }>
  /** Runs a line of shell in which `portcullis` is the program. */
  readonly shell: (line: string) => SpawnSyncReturns<string>
}

export const freshWorkspace = (): Workspace => {
  const cwd = join(scratch, `w${++workspaces}`)
  mkdirSync(cwd, { mode: 0o700 })
  const bare = { PATH: process.env['PATH'] ?? '' }
  const run = (args: readonly string[], env: Record<string, string> = {}, input?: string | Uint8Array) =>
    spawnSync(process.execPath, [program, ...args], {
      cwd,
      encoding: 'utf8',
      env: { ...bare, ...env },
      ...(input === undefined ? {} : { input }),
    })
  return {
    cwd,
    put: (path, content, mode = 0o600) => {
      const file = join(cwd, path)
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(file, content)
      chmodSync(file, mode)
      return file
    },
    run: (args, env) => run(args, env),
    pipe: (args, input) => run(args, {}, input),
    start: (args) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [program, ...args], { cwd, env: bare, stdio: ['ignore', 'pipe', 'pipe'] })
        let [stdout, stderr] = ['', '']
        child.stdout.on('data', (chunk) => (stdout += String(chunk)))
        child.stderr.on('data', (chunk) => (stderr += String(chunk)))
        child.once('error', reject)
        child.once('close', (status) => resolve({ status, stdout, stderr }))
      }),
    shell: (line) =>
      spawnSync('sh', ['-c', `portcullis() { "$NODE" "$PROGRAM" "$@"; }\n${line}`], {
        cwd,
        encoding: 'utf8',
        env: { ...bare, NODE: process.execPath, PROGRAM: program },
      }),
  }
}

export const legacyText = JSON.stringify({
  api_keys: { production: 'sk-prod-1234567890abcdef1234567890', development: 'sk-dev-abcdef1234567890' },
  key_permissions: { production: ['*'], development: ['hello_world', 'echo'] },
})
