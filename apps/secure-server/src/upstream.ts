import type { GuardLog } from '@portcullis/guard'
import { createStdioUpstream, type StdioUpstream } from '@portcullis/transport'
import type { Environment } from './config/environment.ts'

/** Our own secrets and switches: none of a guarded server's business. */
const ours = /^(?:MCP_(?:AUTH_ENABLED|API_KEY|API_KEY_FILE|DEBUG)|OAUTH2_.*|PORTCULLIS_.*)$/

/** A stdio MCP server behind the guard, with our environment less what is ours. */
export const createUpstream = (
  [command, ...args]: readonly [string, ...string[]],
  env: Environment,
  log: GuardLog,
): StdioUpstream =>
  createStdioUpstream({
    command,
    args,
    env: Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !ours.test(entry[0])),
    ),
    log,
  })
