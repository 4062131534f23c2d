import { type McpServer, PerRequestHTTPServerTransport, type ServerOptions } from '@modelcontextprotocol/server'
import type { McpEndpoint, MessageExtra, ServerTransport } from './types.ts'

const revision = '2026-07-28'
const classification = { era: 'modern', revision } as const

/** What a server must be made with to speak 2026-07-28 besides the older revisions. */
export type EraOptions = Pick<ServerOptions, 'supportedProtocolVersions'>

/**
 * The SDK binds a server to 2026-07-28 by the class of its transport, which it means for one exchange. This one is a pipe to ours
 * that lives as long as the server: everything the class does is overridden.
 */
class StatelessPipe extends PerRequestHTTPServerTransport {
  readonly #outside: ServerTransport

  constructor(outside: ServerTransport) {
    super({ classification })
    this.#outside = outside
  }

  override async start(): Promise<void> {
    const { onmessage } = this
    this.#outside.onmessage = (message, extra?: MessageExtra) =>
      (this.onmessage ?? onmessage)?.(message as never, { classification, ...extra } as never)
  }

  override send: PerRequestHTTPServerTransport['send'] = (message, options) =>
    this.#outside.send(message as never, options as never)

  override async close(): Promise<void> {
    await this.#outside.close()
    this.onclose?.()
  }
}

/**
 * A server on SDK v2 for clients of every revision, each in its own words. `make` is called once for each era that clients come
 * from, with options that belong into the server's own: `(era) => new McpServer(info, { ...era, capabilities })`. A server
 * that is made without them serves clients of 2026-07-28 by translation.
 */
export const bothEras = (make: (era: EraOptions) => McpServer): McpEndpoint => {
  const made: McpServer[] = []
  const own = (era: EraOptions): McpServer => {
    const server = make(era)
    made.push(server)
    return server
  }
  return {
    connect: (transport: never) => own({}).connect(transport),
    stateless: {
      connect: (transport: never) =>
        own({ supportedProtocolVersions: [revision] }).connect(new StatelessPipe(transport)),
    },
    async close() {
      await Promise.all(made.splice(0).map((server) => server.close()))
    },
  }
}
