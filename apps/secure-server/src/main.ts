import { TransportError } from '@portcullis/transport'
import packageJson from '../package.json' with { type: 'json' }
import { createBuiltInServer } from './built-in/server.ts'
import { readSettings } from './config/settings.ts'
import { ExitError, exitCodes } from './exit.ts'
import { parseFlags, usage } from './flags.ts'
import { createLog } from './log.ts'
import { type Running, runHttp } from './run-http.ts'
import { runStdio } from './run-stdio.ts'
import { createUpstream } from './upstream.ts'

const { version } = packageJson

/** Settings of other versions of this program: whoever sets one must not believe that it holds. */
const notYet = /^(?:OAUTH2_(?:CLIENT_ID|CLIENT_SECRET|AUTH_SERVER)|PORTCULLIS_REDIS_URL)$/

// Nobody reads what we say any more: no reason to stop serving those who call.
process.stderr.on('error', () => {})
process.stdout.on('error', () => {})

const main = async (): Promise<void> => {
  const flags = parseFlags(process.argv.slice(2))
  if (flags.help) return void process.stdout.write(usage)
  if (flags.version) return void process.stdout.write(`${version}\n`)

  const settings = readSettings(flags, process.env, process.cwd())
  const log = createLog(settings.log)
  const ignored = Object.keys(process.env).filter((name) => notYet.test(name) && process.env[name] !== '')
  if (ignored.length > 0) log('warn', 'environment.ignored', { names: ignored })
  log('debug', 'settings.read', { dir: settings.dir, preset: settings.validation.preset, stdio: settings.stdio })
  const endpoint =
    settings.command === undefined
      ? createBuiltInServer({ name: settings.name, version })
      : createUpstream(settings.command, process.env, log)

  let running: Running | undefined
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    log('info', 'server.stopping')
    await running?.stop()
    process.exit(exitCodes.ok)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  if (settings.stdio) {
    const stdio = await runStdio(settings, endpoint, log)
    running = stdio
    await stdio.ended
    await stop()
    return
  }
  running = await runHttp(settings, endpoint, log, {
    cwd: process.cwd(),
    interactive: process.stdout.isTTY === true,
    print: (line) => process.stdout.write(`${line}\n`),
  })
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`portcullis-server: ${message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')}\n`)
  if (error instanceof ExitError) process.exit(error.exitCode)
  if (error instanceof TransportError) process.exit(exitCodes.unreachable)
  // What the packages refuse at the start is a mistake in what they were given: files, keys, grants, addresses.
  if (/^ERR_(?:FILE|APIKEY|AUDIT|AUTHZ|VALIDATOR|NET)_/.test((error as { code?: string }).code ?? ''))
    process.exit(exitCodes.configuration)
  process.exit(exitCodes.unexpected)
})
