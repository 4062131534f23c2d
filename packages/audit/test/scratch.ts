import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type AuditLogOptions, createAuditLog } from '../src/index.ts'

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'portcullis-audit-')))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let directories = 0
export const freshFile = (): string => {
  const directory = join(scratch, `d${++directories}`)
  mkdirSync(directory, { mode: 0o700 })
  return join(directory, 'audit.jsonl')
}

export const key = new Uint8Array(32).fill(7)

/** Writes a closed log with `count` events behind its header. */
export const writeLog = async (file: string, count: number, options: Partial<AuditLogOptions> = {}): Promise<void> => {
  const log = createAuditLog({ file, clock: () => 1_700_000_000_000, ...options })
  await Promise.all(Array.from({ length: count }, (_, n) => log.record({ type: 'call', n })))
  await log.close()
}

/** A field of about `bytes` bytes whose strings are short enough to be kept as they are. */
export const bulk = (bytes: number): string[] => Array.from({ length: Math.ceil(bytes / 1000) }, () => 'x'.repeat(997))

export const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)
export const recordsOf = (file: string): Record<string, unknown>[] => linesOf(file).map((line) => JSON.parse(line))
export const putLines = (file: string, lines: readonly string[]): void =>
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''))

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts real Node on `body` with the built package; `print(text)` writes a line at once. */
export const startChild = (body: string, prefix = 'exec "$0" "$@"'): ChildProcess => {
  const code = `import { createAuditLog } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
import { writeSync } from 'node:fs'
const print = (text) => writeSync(1, text + '\\n')
${body}`
  const child = spawn('sh', ['-c', prefix, process.execPath, '--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

/** Everything the child prints, as it comes; `until` resolves with it once it matches. */
export const outputOf = (child: ChildProcess) => {
  let text = ''
  child.stdout?.on('data', (chunk) => {
    text += String(chunk)
  })
  return {
    text: () => text,
    until: async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(text)) {
        if (child.exitCode !== null) throw new Error(`the child ended with ${child.exitCode}: ${text}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return text
    },
  }
}

export const killed = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
}
