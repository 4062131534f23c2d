import type { GuardLog } from '@portcullis/guard'
import { type McpEndpoint, secureStdio } from '@portcullis/transport'
import { assemble, openKeys, plan } from './assemble.ts'
import type { Settings } from './config/settings.ts'
import { prepareDirectory } from '@portcullis-internal/files'
import { loadMasterKey } from './keys/master-key.ts'
import type { Running } from './run-http.ts'

/** Serves standard input and output. Nothing is written anywhere unless an audit file is configured. */
export const runStdio = async (
  settings: Settings,
  endpoint: McpEndpoint,
  log: GuardLog,
): Promise<Running & { readonly ended: Promise<void> }> => {
  const { auth, dir } = settings
  const pipeline = plan(settings)
  const keys = await openKeys(settings)
  const assembly = await assemble(settings, pipeline, {
    keys,
    log,
    masterKey: async () => {
      prepareDirectory(dir)
      return loadMasterKey(dir)
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
    },
  }
}
