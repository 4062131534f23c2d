import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const program = fileURLToPath(new URL('../bin/portcullis-server.js', import.meta.url))
const administration = fileURLToPath(new URL('../../admin-cli/bin/portcullis.js', import.meta.url))

/** An environment with nothing of ours in it, whatever the machine that runs the tests has set. */
export const cleanEnv = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: tmpdir(),
  ...more,
})

export const temporary = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export const write = (path: string, content: unknown, mode = 0o600): string => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  chmodSync(path, mode)
  return path
}

export interface Started {
  readonly url: string
  readonly cwd: string
  readonly dir: string
  readonly child: ChildProcess
  readonly output: () => string
  readonly errors: () => string
  /** The key of the first run. */
  readonly key: () => string
  stop(): Promise<number | null>
}

export interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: Record<string, string>
  readonly cwd?: string
  /** Files below the directory of keys and configuration, by name. */
  readonly files?: Record<string, unknown>
  /** No file that it writes may grow beyond this: a full disk for that file, on any machine and for any user. */
  readonly maxFileKiB?: number
  /** The configuration says which port. */
  readonly ownPort?: boolean
}

const exited = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', resolve))

/** The program as a process of its own on a free port, ready for requests; ended with the test. */
export const start = async (options: StartOptions = {}): Promise<Started> => {
  const cwd = options.cwd ?? temporary()
  const dir = join(cwd, 'config')
  for (const [name, content] of Object.entries(options.files ?? {})) write(join(dir, name), content)
  const own = [
    process.execPath,
    program,
    ...(options.ownPort === true ? [] : ['--port', '0']),
    ...(options.args ?? []),
  ] as const
  const command =
    options.maxFileKiB === undefined
      ? own
      : (['bash', '-c', `ulimit -f ${options.maxFileKiB}; exec "$@"`, 'bash', ...own] as const)
  const child = spawn(command[0], command.slice(1), { cwd, env: cleanEnv(options.env) })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    return exited(child)
  }
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited(child)
  })
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      // Two pipes: which of them is read first is nobody's promise.
      const found = /"event":"server.ready","url":"([^"]+)"/.exec(errors)?.[1]
      if (found !== undefined && output.includes(found)) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${errors}`)))
  })
  return {
    url,
    cwd,
    dir,
    child,
    output: () => output,
    errors: () => errors,
    key: () => readFileSync(join(dir, 'first-key.header'), 'utf8').trim().replace('X-API-Key: ', ''),
    stop,
  }
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The program run to its end. */
export const run = (
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; input?: string },
): Ended => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: options.cwd,
    env: cleanEnv(options.env),
    encoding: 'utf8',
    input: options.input ?? '',
    timeout: 20_000,
  })
  return { code: status, stdout, stderr }
}

/** `portcullis` on the files of a server; with a list of arguments the text behind it is its standard input. */
export const administer = (dir: string, first: string | readonly string[], ...rest: string[]): Ended => {
  const [args, input] = typeof first === 'string' ? [[first, ...rest], ''] : [first, rest[0] ?? '']
  const { status, stdout, stderr } = spawnSync(process.execPath, [administration, '--dir', dir, ...args], {
    env: cleanEnv(),
    encoding: 'utf8',
    input,
    timeout: 20_000,
  })
  return { code: status, stdout, stderr }
}

export const createKey = (dir: string, name: string, ...grants: string[]): string => {
  const { code, stdout, stderr } = administer(
    dir,
    'keys',
    'create',
    name,
    ...grants.flatMap((grant) => ['--allow', grant]),
    '--quiet',
  )
  if (code !== 0) throw new Error(stderr)
  return stdout.trim()
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

let nextId = 1

/** One JSON-RPC message, as `curl` would send it. */
export const post = async (
  url: string,
  key: string | undefined,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: '*/*',
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...headers,
    },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

export const call = (name: string, args: Record<string, unknown> = {}) => ({
  jsonrpc: '2.0',
  id: nextId++,
  method: 'tools/call',
  params: { name, arguments: args },
})

export const request = (method: string, params: Record<string, unknown> = {}) => ({
  jsonrpc: '2.0',
  id: nextId++,
  method,
  params,
})

export const textOf = (answer: any): string =>
  (answer.body ?? answer).result?.content?.[0]?.text ?? answer.content?.[0]?.text

/** The official clients, in what they have in common. */
export interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<any>
  getServerCapabilities(): any
  close(): Promise<void>
}

export const clients = {
  'the v1 client': async (url: string, headers: Record<string, string>): Promise<AnyClient> => {
    const client = new ClientV1({ name: 'test', version: '1' })
    await client.connect(new HttpV1(new URL(url), { requestInit: { headers } }) as never)
    return client as unknown as AnyClient
  },
  'the v2 client in its default mode': async (url: string, headers: Record<string, string>): Promise<AnyClient> => {
    const client = new ClientV2({ name: 'test', version: '1' })
    await client.connect(new HttpV2(new URL(url), { requestInit: { headers } }) as never)
    return client as unknown as AnyClient
  },
}

export const eventually = async <T>(
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = 5000,
): Promise<T> => {
  const until = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (performance.now() > until) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
