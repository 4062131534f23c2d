import { didYouMean } from '@portcullis-internal/configuration'
import { parseArgs } from 'node:util'
import { ExitError } from './exit.ts'

/** The command line, as it was given. */
export interface Flags {
  readonly config?: string
  readonly dir?: string
  readonly host?: string
  readonly port?: number
  readonly opsPort?: number
  readonly stdio: boolean
  readonly help: boolean
  readonly version: boolean
  /** What stands behind `--`: a stdio MCP server to put behind the guard. */
  readonly command?: readonly [string, ...string[]]
}

export const usage = `usage: portcullis-server [--config FILE] [--dir DIR] [--host H] [--port N] [--ops-port N] [--stdio] [-- COMMAND ARGS...]

  --config FILE   the configuration; default portcullis.yaml in the directory
  --dir DIR       where keys, audit log and configuration are; default ./config
  --host H        the address to listen on; default 127.0.0.1
  --port N        the port to listen on; default 3000
  --ops-port N    the port for /livez and /readyz; default port + 1
  --stdio         serve standard input and output in place of HTTP
  -- COMMAND      put a stdio MCP server behind the guard in place of the built-in one
  --version, --help
`

const options = {
  config: { type: 'string' },
  dir: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'ops-port': { type: 'string' },
  stdio: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const

export const portOf = (text: string): number | undefined =>
  /^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined

const portFlag = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const port = portOf(text)
  if (port === undefined)
    throw new ExitError('usage', `--${name} takes a number from 0 to 65535, not ${JSON.stringify(text)}`)
  return port
}

/** @throws {ExitError} with the code for usage. */
export const parseFlags = (args: readonly string[]): Flags => {
  const end = args.indexOf('--')
  const own = end === -1 ? args : args.slice(0, end)
  const command = end === -1 ? undefined : args.slice(end + 1)
  if (command?.length === 0) throw new ExitError('usage', 'a command must follow --')

  const { values, tokens } = parseArgs({ args: [...own], options, strict: false, tokens: true, allowPositionals: true })
  const names = Object.keys(options)
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind === 'positional') {
      throw new ExitError(
        'usage',
        `unexpected argument ${JSON.stringify(token.value)}; a server to guard goes behind --`,
      )
    }
    if (token.kind !== 'option') continue
    const option = (options as Record<string, { type: string }>)[token.name]
    if (option === undefined) {
      throw new ExitError('usage', `unknown option ${JSON.stringify(token.rawName)}${didYouMean(token.name, names)}`)
    }
    if (option.type === 'string' && (token.value === undefined || token.value === '')) {
      throw new ExitError('usage', `--${token.name} needs a value`)
    }
    if (option.type === 'boolean' && token.value !== undefined) {
      throw new ExitError('usage', `--${token.name} takes no value`)
    }
    if (seen.has(token.name)) throw new ExitError('usage', `--${token.name} is given twice`)
    seen.add(token.name)
  }
  const text = (name: keyof typeof options): string | undefined => values[name] as string | undefined
  const port = portFlag('port', text('port'))
  const opsPort = portFlag('ops-port', text('ops-port'))
  const [config, dir, host] = [text('config'), text('dir'), text('host')]
  return {
    ...(config === undefined ? {} : { config }),
    ...(dir === undefined ? {} : { dir }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(opsPort === undefined ? {} : { opsPort }),
    stdio: values.stdio === true,
    help: values.help === true,
    version: values.version === true,
    ...(command === undefined ? {} : { command: command as [string, ...string[]] }),
  }
}
