import { reasonOf } from '@portcullis-internal/files'
import { ConfigError } from '../errors.ts'
import { type Steps, step } from '../steps.ts'
import { maxKeyBytes } from './key-file.ts'
import type { TextHolder, Wanted } from './holder.ts'

/** A program and its arguments; no shell reads them. */
export type Command = readonly [string, ...string[]]

interface Outcome {
  readonly status: number | null
  readonly stdout: Buffer
  readonly error?: unknown
}

const environmentFor = ({ path, kids }: Wanted): NodeJS.ProcessEnv => ({
  ...process.env,
  PORTCULLIS_KEY_FOR: path,
  PORTCULLIS_KEY_IDS: kids.join(','),
})

// What the program says is for who started this one; what it answers is for us alone.
const stdio = ['ignore', 'pipe', 'inherit'] as const

// Loaded by those who need it: it is a good part of the time that a program takes to start.
const childProcess = (): typeof import('node:child_process') => process.getBuiltinModule('node:child_process')

const runAtOnce = ([file, ...args]: Command, timeoutMs: number, wanted: Wanted): Outcome => {
  const { status, stdout, error } = childProcess().spawnSync(file, args, {
    stdio: [...stdio],
    env: environmentFor(wanted),
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxKeyBytes,
    windowsHide: true,
  })
  return { status, stdout: stdout ?? Buffer.alloc(0), error }
}

const run = ([file, ...args]: Command, timeoutMs: number, wanted: Wanted): Promise<Outcome> =>
  new Promise((resolve) => {
    // In our process group: a program that asks its user needs the terminal.
    const child = childProcess().spawn(file, args, {
      stdio: [...stdio],
      env: environmentFor(wanted),
      windowsHide: true,
    })
    const chunks: Buffer[] = []
    let length = 0
    const settle = (outcome: Outcome): void => {
      clearTimeout(deadline)
      resolve(outcome)
    }
    // What the program started itself may live on and hold the pipe: nobody waits for it.
    const stop = (why: string): void => {
      child.kill('SIGKILL')
      child.stdout.destroy()
      for (const chunk of chunks.splice(0)) chunk.fill(0)
      settle({ status: null, stdout: Buffer.alloc(0), error: new Error(why) })
    }
    const deadline = setTimeout(() => stop(`it took longer than ${timeoutMs} ms`), timeoutMs)
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > maxKeyBytes) stop(`it printed more than ${maxKeyBytes} bytes`)
    })
    child.on('error', (error) => settle({ status: null, stdout: Buffer.alloc(0), error }))
    child.on('close', (status) => settle({ status, stdout: Buffer.concat(chunks) }))
  })

const textOf = (name: string, { status, stdout, error }: Outcome): string => {
  if (status !== 0 || error !== undefined) {
    const why = error !== undefined ? reasonOf(error) : status === null ? 'it was stopped' : `exit code ${status}`
    throw new ConfigError('ERR_CONFIG_KEY_SOURCE', `the command ${name} gave no key: ${why}`, { cause: error })
  }
  const text = stdout.toString('utf8')
  stdout.fill(0)
  return text
}

/** What a program prints: `op read ...`, `pass show ...`, `vault kv get ...`. It is told the file and its kids in `PORTCULLIS_KEY_FOR` and `PORTCULLIS_KEY_IDS`. */
export const commandText = (command: Command, timeoutMs: number): TextHolder => {
  const name = JSON.stringify(command[0])
  return {
    kind: 'text',
    place: `the command ${name}`,
    quiet: false,
    read: (wanted): Steps<string | undefined> =>
      step<string | undefined>({
        sync: () => textOf(name, runAtOnce(command, timeoutMs, wanted)),
        async: async () => textOf(name, await run(command, timeoutMs, wanted)),
      }),
  }
}
