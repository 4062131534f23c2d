import type { GuardLog } from '@portcullis/guard'
import { createGateway, type Gateway, type McpEndpoint } from '@portcullis/transport'
import { bothEras } from '@portcullis/transport/sdk-v2'
import { createBuiltInServer } from '../built-in/server.ts'
import type { Environment } from '../config/environment.ts'
import type { Settings } from '../config/settings.ts'
import { createHttpUpstream } from './http.ts'
import { createCommand, createStdio } from './stdio.ts'

/** What stands behind the guard: the built-in server or the command that was given, alone or with upstreams beside it. */
export const createEndpoint = (
  settings: Settings,
  env: Environment,
  version: string,
  log: GuardLog,
): McpEndpoint | Gateway => {
  const local =
    settings.command === undefined
      ? bothEras((era) => createBuiltInServer({ name: settings.name, version, era }))
      : createCommand(settings.command, env, log)
  const upstreams = Object.entries(settings.upstreams).map(([id, upstream]): [string, McpEndpoint] => {
    const logOf: GuardLog = (level, event, fields) => log(level, event, { upstream: id, ...fields })
    return [
      id,
      'url' in upstream
        ? createHttpUpstream(upstream.url, upstream.headers ?? {}, logOf)
        : createStdio(upstream, env, logOf),
    ]
  })
  return upstreams.length === 0 ? local : createGateway(local, Object.fromEntries(upstreams))
}
