import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
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
}

export const freshWorkspace = (): Workspace => {
  const cwd = join(scratch, `w${++workspaces}`)
  mkdirSync(cwd, { mode: 0o700 })
  return {
    cwd,
    put: (path, content, mode = 0o600) => {
      const file = join(cwd, path)
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(file, content)
      chmodSync(file, mode)
      return file
    },
    run: (args, env = {}) =>
      spawnSync(process.execPath, [program, ...args], {
        cwd,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '', ...env },
      }),
  }
}

export const legacyText = JSON.stringify({
  api_keys: { production: 'sk-prod-1234567890abcdef1234567890', development: 'sk-dev-abcdef1234567890' },
  key_permissions: { production: ['*'], development: ['hello_world', 'echo'] },
})
