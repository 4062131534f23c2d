import { TransportError } from '@portcullis/transport'
import packageJson from '../package.json' with { type: 'json' }
import { readSettings } from './config/settings.ts'
import { ExitError, exitCodes } from './exit.ts'
import { parseFlags, usage } from './flags.ts'
import { createLog } from './log.ts'
import { createMetrics } from './operations/metrics.ts'
import { type Running, runHttp } from './run-http.ts'
import { runStdio } from './run-stdio.ts'
import { createEndpoint } from './upstreams/endpoint.ts'

const { version } = packageJson

// Nobody reads what we say any more: no reason to stop serving those who call.
process.stderr.on('error', () => {})
process.stdout.on('error', () => {})

const main = async (): Promise<void> => {
  const flags = parseFlags(process.argv.slice(2))
  if (flags.help) return void process.stdout.write(usage)
  if (flags.version) return void process.stdout.write(`${version}\n`)

  const settings = readSettings(flags, process.env, process.cwd())
  const metrics = createMetrics(version)
  const log = metrics.heard(createLog(settings.log))
  log('debug', 'settings.read', { dir: settings.dir, preset: settings.validation.preset, stdio: settings.stdio })
  const endpoint = createEndpoint(settings, process.env, version, log)

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
    const stdio = await runStdio(settings, endpoint, { log, metrics })
    running = stdio
    await stdio.ended
    await stop()
    return
  }
  running = await runHttp(
    settings,
    endpoint,
    { log, metrics },
    {
      cwd: process.cwd(),
      interactive: process.stdout.isTTY === true,
      print: (line) => process.stdout.write(`${line}\n`),
    },
  )
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`portcullis-server: ${message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')}\n`)
  if (error instanceof ExitError) process.exit(error.exitCode)
  if (error instanceof TransportError) process.exit(exitCodes.unreachable)
  // What the packages refuse at the start is a mistake in what they were given: files, keys, grants, addresses.
  if (
    /^ERR_(?:CONFIGURATION$|(?:FILE|APIKEY|AUDIT|AUTHZ|CONFIG|OAUTH2|RATELIMIT|REDIS|VALIDATOR|NET)_)/.test(
      (error as { code?: string }).code ?? '',
    )
  )
    process.exit(exitCodes.configuration)
  process.exit(exitCodes.unexpected)
})
