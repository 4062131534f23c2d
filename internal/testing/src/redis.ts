import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { respCall } from './resp.ts'

export interface RedisServerOptions {
  /** Folder to keep data in; with it the append-only file is on, so that `restart` finds everything again. Default: nothing is kept. */
  readonly dir?: string
  /** Further arguments of `redis-server`, such as `'--requirepass', 'x'`. */
  readonly args?: readonly string[]
  /** Finds the port. Default: any that is free. */
  readonly choosePort?: () => Promise<number>
}

export interface RedisServer {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void
  thaw(): void
  /** A new process on the same port, ready; ends the one that runs. */
  restart(): Promise<void>
  /** Ends it for good. */
  stop(): Promise<void>
  /** One command on a connection of its own. */
  cli(...args: readonly (string | number)[]): Promise<unknown>
}

let executable: string | undefined

/** What `scripts/run.mjs` found, else what its script finds now. */
const findExecutable = (): string => {
  executable ??= process.env['PORTCULLIS_REDIS_SERVER'] || undefined
  const script = fileURLToPath(new URL('../../../scripts/redis-server.mjs', import.meta.url))
  executable ??= execFileSync(process.execPath, [script], { encoding: 'utf8' }).trim()
  return executable
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A test process may itself be ended without a chance to clean up; then someone else has to end what it started. */
const endWithUs = (child: ChildProcess): void => {
  const { pid } = child
  const watch = `while kill -0 ${process.pid} && kill -0 ${pid}; do sleep 1; done; kill -9 ${pid}`
  spawn('/bin/sh', ['-c', watch], { stdio: 'ignore', detached: true }).unref()
}

/** A loopback port that nobody listens on; `port` itself if it is given and free. */
export const freePort = async (port = 0): Promise<number> => {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: found } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return found
}

/** Starts the program and resolves when it answers on its port; it ends with this process at the latest. */
export const launch = async (port: number, args: readonly string[]): Promise<ChildProcess> => {
  const child = spawn(findExecutable(), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  if (child.pid !== undefined) endWithUs(child)
  let said = ''
  const hear = (chunk: unknown) => (said = (said + String(chunk)).slice(-2000))
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  child.once('close', () => running.delete(child))
  for (const begun = Date.now(); Date.now() - begun < 10_000; ) {
    if (child.exitCode !== null || child.signalCode !== null) break
    const answer = await respCall(port, ['PING'], 500).catch((error: Error) => error.message)
    if (answer === 'PONG' || String(answer).startsWith('NOAUTH')) return child
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  child.kill('SIGKILL')
  throw new Error(`redis-server did not become ready: ${said}`)
}

/** SIGKILL; resolves when the process is gone. */
export const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

/** Starts a real Redis server on a free loopback port and resolves when it answers. It ends with this process at the latest. */
export const startRedis = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const scratch = mkdtempSync(join(tmpdir(), 'portcullis-redis-'))
  const { choosePort = freePort, args = [] } = options
  const keep = options.dir === undefined ? 'no' : 'yes'
  const settings = ['--bind', '127.0.0.1', '--dir', options.dir ?? scratch, '--save', '', '--appendonly', keep]
  const run = (on: number): Promise<ChildProcess> => launch(on, ['--port', String(on), ...settings, ...args])
  let port = await choosePort()
  let child: ChildProcess
  try {
    child = await run(port)
  } catch {
    // Someone else took the port in between.
    port = await choosePort()
    child = await run(port)
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid as number
    },
    kill: () => end(child),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    restart: async () => {
      await end(child)
      child = await run(port)
    },
    stop: async () => {
      await end(child)
      rmSync(scratch, { recursive: true, force: true })
    },
    cli: (...args) => respCall(port, args),
  }
}
