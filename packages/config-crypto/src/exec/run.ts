import { type ChildProcess, spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '@portcullis-internal/files'
import { ConfigError, optionsError, refuseUnknown } from '../errors.ts'
import { createRedactor } from '../redact/redactor.ts'
import type { Readable } from '../redact/sensitive.ts'
import { environmentOf } from './variables.ts'

export interface RunOptions {
  /** Variables of the child, each with the name or JSON Pointer of its value. */
  readonly variables: Readonly<Record<string, string>>
  /** Variables that it inherits beside `PATH`, `HOME`, `TERM`, `LANG` and their like; all others of this process it does not see. */
  readonly inherit?: readonly string[]
  /** Takes all sealed values of the configuration out of what it writes. Its output is no terminal then. Default `false`. */
  readonly redact?: boolean
  /** Is told, before the program is started, the JSON Pointers of values that are too short to be redacted. */
  readonly onTooShort?: (pointers: readonly string[]) => void
  /** Default: that of this process. */
  readonly cwd?: string
}

/** How a child ended: its exit code, or the signal that ended it. */
export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const forwarded: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']

/** Who stops this process stops the child. Keys of a terminal reach both by themselves. */
const forwardSignals = (child: ChildProcess): (() => void) => {
  const isTerminal = process.stdin.isTTY === true
  const byTerminal = (signal: NodeJS.Signals): boolean => isTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT')
  const listeners = forwarded.map((signal) => {
    const listener = (): void => {
      if (!byTerminal(signal)) child.kill(signal)
    }
    process.on(signal, listener)
    return [signal, listener] as const
  })
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

const ended = (child: ChildProcess, program: string): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      const message = `${JSON.stringify(program)} cannot be started: ${reasonOf(cause)}`
      reject(new ConfigError('ERR_CONFIG_CHILD', message, { cause }))
    })
    child.once('close', (code, signal) => resolve({ code, signal }))
  })

const checkCommand = (command: readonly string[]): readonly [string, ...string[]] => {
  const [program, ...args] = Array.isArray(command) ? (command as readonly unknown[]) : []
  const isWord = (word: unknown): word is string => typeof word === 'string' && !word.includes('\0')
  if (!isWord(program) || program === '' || !args.every(isWord)) {
    throw optionsError('run takes a program and its arguments')
  }
  return [program, ...args]
}

/**
 * Runs a program with values of the configuration in its environment, and with little else in it. Everything is opened before it is started: on any error it is not.
 * No shell reads the command. Signals of this process go to it.
 * @throws ConfigError `ERR_CONFIG_CHILD` for a value that is not there and a program that cannot be started; `ERR_CONFIG_OPTIONS`; those of revealing a value
 */
export const run = async (config: Readable, command: readonly string[], options: RunOptions): Promise<Outcome> => {
  refuseUnknown('run', options, ['variables', 'inherit', 'redact', 'onTooShort', 'cwd'])
  const [program, ...args] = checkCommand(command)
  const { variables, inherit = [], redact = false, cwd } = options
  refuseUnknown('variables', variables, Object.keys(variables ?? {}))
  const env = environmentOf(config, variables, inherit)
  const redactor = redact ? createRedactor(config) : undefined
  if (redactor && redactor.tooShort.length > 0) options.onTooShort?.(redactor.tooShort)
  const output = redactor ? 'pipe' : 'inherit'
  const child = spawn(program, args, { env, stdio: ['inherit', output, output], ...(cwd === undefined ? {} : { cwd }) })
  const stop = forwardSignals(child)
  try {
    const end = ended(child, program)
    const shown = redactor
      ? [
          child.stdout && pipeline(child.stdout, redactor.stream(), process.stdout, { end: false }),
          child.stderr && pipeline(child.stderr, redactor.stream(), process.stderr, { end: false }),
        ]
      : []
    // Who reads our output may go away; the child learns it as it would without us.
    const [outcome] = await Promise.all([end, Promise.allSettled(shown)])
    return outcome
  } finally {
    stop()
  }
}
