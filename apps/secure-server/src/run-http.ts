import type { GuardLog } from '@portcullis/guard'
import { type Gateway, type McpEndpoint, type Served, serveHttp, TransportError } from '@portcullis/transport'
import { timingSafeEqual } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { assemble, plan } from './assemble.ts'
import type { Settings } from './config/settings.ts'
import { ExitError } from './exit.ts'
import { loadMasterKey, newMasterKey, prepareDirectory, readMasterKey } from '@portcullis-internal/files'
import { createFirstKey, firstKeyWorks, tryCommand } from './keys/first-key.ts'
import { openKeys } from './keys/stores.ts'
import { plannedOAuth2 } from './oauth2.ts'
import { type Operations, serveOperations } from './operations/listener.ts'
import type { Metrics } from './operations/metrics.ts'
import { assertSafeToExpose } from './safety.ts'

/** A server that runs until `stop`. */
export interface Running {
  stop(): Promise<void>
}

const startFront = async (start: () => Promise<Served>): Promise<Served> => {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof TransportError)) throw error
    const reason = error.code === 'ERR_TRANSPORT_OPTIONS' ? 'configuration' : 'unreachable'
    throw new ExitError(reason, error.message, { cause: error })
  }
}

export const runHttp = async (
  settings: Settings,
  endpoint: McpEndpoint | Gateway,
  { log, metrics }: { readonly log: GuardLog; readonly metrics: Metrics },
  terminal: { readonly cwd: string; readonly interactive: boolean; readonly print: (line: string) => void },
): Promise<Running> => {
  const { listen, auth, dir } = settings
  const known = readMasterKey(dir) ?? newMasterKey()
  const pipeline = plan(settings, known, log)
  const oauth2 = plannedOAuth2(settings, (text) => stores?.keys.looksLikeKey?.(text) === true, known, log)
  const stores = await openKeys(settings, known, log)
  const keys = stores?.keys
  assertSafeToExpose(settings, keys)
  if (keys?.legacy === true) {
    log('warn', 'keys.plain', { file: join(dir, 'api_keys.json'), fix: 'portcullis keys migrate' })
  }
  prepareDirectory(dir)
  const isFirst =
    keys !== undefined &&
    !keys.usable &&
    oauth2 === undefined &&
    auth.anonymous.length === 0 &&
    !existsSync(join(dir, 'api_keys.json'))

  const masterKey = await loadMasterKey(dir, known)
  if (!timingSafeEqual(masterKey, known)) {
    // Another process that started at the same moment was faster: what was made of a key that is not the installation's is made again.
    oauth2?.close()
    await Promise.all([stores?.close(), pipeline.limiter.close()])
    return runHttp(settings, endpoint, { log, metrics }, terminal)
  }
  const locate = 'names' in endpoint ? { locate: endpoint.names.locate } : {}
  const ports = { keys, oauth2, metrics, masterKey: async () => masterKey, log, ...locate }
  const assembly = await assemble(settings, pipeline, ports)
  let served: Served
  try {
    served = await startFront(() =>
      serveHttp(endpoint, {
        guard: assembly.guard,
        port: listen.port,
        host: listen.host,
        path: listen.path,
        masterKeys: [masterKey],
        allowedHosts: listen.allowedHosts,
        allowedOrigins: listen.allowedOrigins,
        trustedProxies: listen.trustedProxies,
        refuseProxied: !auth.enabled,
        inBand: auth.inBand,
        maxBodyBytes: settings.validation.maxBodyBytes,
        greeting: `This is ${settings.name}, an MCP server behind Portcullis. The endpoint is ${listen.path}.`,
        log,
        ...(listen.tls === undefined ? {} : { tls: listen.tls }),
        ...(oauth2 === undefined ? {} : { protectedResource: oauth2.resource }),
        ...(auth.keys === false ? {} : { keyHeader: auth.keys.header }),
      }),
    )
    oauth2?.listening(served.port)
  } catch (error) {
    await assembly.close()
    throw error
  }

  const operations: Operations | undefined = await serveOperations(settings, {
    log,
    metrics,
    problems: async () => [...assembly.problems(), ...((await stores?.problems()) ?? [])],
  }).catch(async (error: unknown) => {
    await served.close(0)
    await assembly.close()
    throw error
  })
  const url = served.url
  const words = [`${settings.name} is at ${url}`]
  if (isFirst && keys !== undefined && auth.keys !== false) {
    const key = await createFirstKey(keys, dir, auth.keys.prefix)
    if (key !== undefined && terminal.interactive) words.push(`Your first API key, shown once: ${key}`)
  }
  if (keys !== undefined && (await firstKeyWorks(keys, dir))) {
    words.push('Try it:', `  ${tryCommand(url, dir, terminal.cwd)}`)
  }
  terminal.print(words.join('\n'))
  if (!auth.enabled) log('warn', 'auth.off', { MCP_AUTH_ENABLED: 'false' })
  log('info', 'server.ready', {
    url,
    types: assembly.guard.declaration.types,
    required: assembly.guard.declaration.required,
  })

  return {
    async stop() {
      operations?.notReady()
      await served.close()
      await operations?.close()
      await assembly.close()
      await stores?.close()
    },
  }
}
