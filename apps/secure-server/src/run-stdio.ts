import type { GuardLog } from '@portcullis/guard'
import { type Gateway, type McpEndpoint, secureStdio } from '@portcullis/transport'
import { assemble, plan } from './assemble.ts'
import type { Settings } from './config/settings.ts'
import { loadMasterKey, newMasterKey, prepareDirectory, readMasterKey } from '@portcullis-internal/files'
import { openKeys } from './keys/stores.ts'
import { plannedOAuth2 } from './oauth2.ts'
import type { Metrics } from './operations/metrics.ts'
import type { Running } from './run-http.ts'

/** Serves standard input and output. Nothing is written anywhere unless an audit file is configured. */
export const runStdio = async (
  settings: Settings,
  endpoint: McpEndpoint | Gateway,
  { log, metrics }: { readonly log: GuardLog; readonly metrics: Metrics },
): Promise<Running & { readonly ended: Promise<void> }> => {
  const { auth, dir } = settings
  const known = readMasterKey(dir) ?? newMasterKey()
  const pipeline = plan(settings, known, log)
  const stores = await openKeys(settings, known, log)
  const keys = stores?.keys
  const oauth2 = plannedOAuth2(settings, (text) => keys?.looksLikeKey?.(text) === true, known, log)
  oauth2?.listening(settings.listen.port)
  const assembly = await assemble(settings, pipeline, {
    keys,
    oauth2,
    metrics,
    log,
    ...('names' in endpoint ? { locate: endpoint.names.locate } : {}),
    masterKey: async () => {
      prepareDirectory(dir)
      return loadMasterKey(dir, known)
    },
  })
  if (auth.enabled && auth.apiKey === undefined && auth.anonymous.length === 0) {
    log('warn', 'auth.no_credential', { fix: 'set MCP_API_KEY in the environment of this process' })
  }
  const secured = await secureStdio(endpoint, assembly.guard, {
    maxMessageBytes: settings.validation.maxBodyBytes,
    ...(auth.apiKey === undefined ? {} : { credential: auth.apiKey }),
  })
  return {
    ended: secured.ended,
    async stop() {
      await secured.close()
      await assembly.close()
      await stores?.close()
    },
  }
}
