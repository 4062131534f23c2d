import type { GuardLog } from '@portcullis/guard'
import { createStdioUpstream, type StdioUpstream } from '@portcullis/transport'
import type { Environment } from '../config/environment.ts'
import type { UpstreamSettings } from '../config/settings.ts'

/** Our own secrets and switches: none of a guarded server's business. */
const ours = /^(?:MCP_(?:AUTH_ENABLED|API_KEY|API_KEY_FILE|DEBUG)|OAUTH2_.*|PORTCULLIS_.*)$/
/** What nearly every program needs to run at all. */
const usual = /^(?:PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|LANG|LC_[A-Z]+|TZ|SYSTEMROOT|APPDATA|USERPROFILE)$/

const only = (env: Environment, wanted: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && wanted(entry[0])),
  )

/** The command behind `--`, with our environment less what is ours: as if it had been started without us. */
export const createCommand = (
  [command, ...args]: readonly [string, ...string[]],
  env: Environment,
  log: GuardLog,
): StdioUpstream => createStdioUpstream({ command, args, env: only(env, (name) => !ours.test(name)), log })

/** An upstream of the configuration. Many servers, many authors: each gets what it is given there and no other's secrets. */
export const createStdio = (
  upstream: Extract<UpstreamSettings, { command: string }>,
  env: Environment,
  log: GuardLog,
): StdioUpstream =>
  createStdioUpstream({
    command: upstream.command,
    args: upstream.args ?? [],
    env: { ...only(env, (name) => usual.test(name)), ...upstream.env },
    ...(upstream.cwd === undefined ? {} : { cwd: upstream.cwd }),
    log,
  })
