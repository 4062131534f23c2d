import { type GuardLog, isRecord, type JsonRpcMessage, rpcCodes, shapeOf } from '@portcullis/guard'
import { type ChildProcess, spawn } from 'node:child_process'
import { TransportError } from '../errors.ts'
import { assertOptions, type Check, isFunction, isObject, isText } from '../options.ts'
import type { McpEndpoint, ServerTransport } from '../types.ts'
import { readLines } from './lines.ts'

export interface StdioUpstreamOptions {
  readonly command: string
  readonly args?: readonly string[]
  /** The whole environment of the process. Nothing is inherited that is not in it. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly log?: GuardLog
}

export interface StdioUpstream extends McpEndpoint {
  readonly remote: true
  close(): Promise<void>
  /** Whether the process runs. */
  readonly running: boolean
}

/** One message of a server; it is trusted not to be hostile, not to be short. */
const maxLineBytes = 64 * 1024 * 1024
/** What a process that has stopped reading may leave waiting in our memory. */
const maxUnsentBytes = 16 * 1024 * 1024
const killAfterMs = 2000
const maxBackoffMs = 10_000

const checks: Readonly<Record<keyof StdioUpstreamOptions, Check>> = {
  command: isText,
  args: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  env: (value) => isObject(value) && Object.values(value as object).every((item) => typeof item === 'string'),
  cwd: isText,
  log: isFunction,
}

/**
 * A stdio MCP server as an endpoint: started at the first use, started again after it ended (waiting longer each time),
 * stopped with `close`. Its standard error goes to ours.
 */
export const createStdioUpstream = (options: StdioUpstreamOptions): StdioUpstream => {
  assertOptions('createStdioUpstream', options, checks)
  const log = options.log ?? (() => {})
  let child: ChildProcess | undefined
  let endedAtMs = Number.NEGATIVE_INFINITY
  let failures = 0
  let closing = false

  const start = (transport: ServerTransport): Promise<void> =>
    new Promise((resolve, reject) => {
      const process_ = spawn(options.command, [...(options.args ?? [])], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: options.env,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      })
      const { stdin, stdout } = process_
      let answered = false
      process_.once('spawn', () => {
        child = process_
        resolve()
      })
      process_.once('error', (error: NodeJS.ErrnoException) => {
        const text = `cannot start ${JSON.stringify(options.command)}: ${error.code ?? error.message}`
        reject(new TransportError('ERR_TRANSPORT_UPSTREAM', text, { cause: error }))
      })
      process_.once('exit', (code, signal) => {
        if (child !== process_) return
        child = undefined
        endedAtMs = performance.now()
        failures++
        // Of one that never said anything whoever started it is told.
        if (!closing && answered) log('warn', 'upstream.ended', { code, signal })
        transport.onclose?.()
      })
      // A write to a process that has just ended is reported by its exit, not by an unhandled error.
      stdin.on('error', () => {})
      readLines(
        stdout,
        maxLineBytes,
        (line) => {
          const message = parse(line)
          if (message !== undefined) {
            failures = 0
            answered = true
            void transport.send(message, {})
          } else if (line.length > 0) {
            log('warn', 'upstream.noise', { bytes: line.length })
          }
        },
        () => log('warn', 'upstream.line_too_long', { maxBytes: maxLineBytes }),
      )
      transport.onmessage = (message) => {
        if (stdin.writableLength <= maxUnsentBytes) {
          stdin.write(`${JSON.stringify(message)}\n`)
        } else if ('method' in message && 'id' in message) {
          const error = { code: rpcCodes.internalError, message: 'The server does not read what it is sent.' }
          void transport.send({ jsonrpc: '2.0', id: message.id, error }, {})
        }
      }
    })

  const parse = (line: Buffer): JsonRpcMessage | undefined => {
    try {
      const value: unknown = JSON.parse(line.toString('utf8'))
      return isRecord(value) && shapeOf(value) !== 'invalid' ? (value as unknown as JsonRpcMessage) : undefined
    } catch {
      return undefined
    }
  }

  return {
    remote: true,
    get running() {
      return child !== undefined
    },
    async connect(transport: never) {
      const waitMs = Math.min(maxBackoffMs, 100 * 2 ** Math.min(failures, 10)) - (performance.now() - endedAtMs)
      if (failures > 0 && waitMs > 0) {
        throw new TransportError(
          'ERR_TRANSPORT_UPSTREAM',
          `the server ended; it is started again in ${Math.ceil(waitMs)} ms`,
        )
      }
      await start(transport)
    },
    async close() {
      closing = true
      const ending = child
      if (ending === undefined) return
      const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()))
      // The end of its input is how a stdio server is told to stop (MCP lifecycle, shutdown).
      ending.stdin?.end()
      const terminate = setTimeout(() => ending.kill('SIGTERM'), killAfterMs)
      const kill = setTimeout(() => ending.kill('SIGKILL'), 2 * killAfterMs)
      await ended
      clearTimeout(terminate)
      clearTimeout(kill)
    },
  }
}
