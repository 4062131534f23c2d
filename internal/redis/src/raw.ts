/** What we use of ioredis, by its shape, so that its types need not be there; other clients are made to look like it. */
export interface RawClient {
  /** `connect`: there is a connection, but no answer yet; `ready`; `end`: nothing happens any more. Anything else: it is being connected. */
  readonly status: string
  call(command: string, ...args: readonly (string | Uint8Array)[]): Promise<unknown>
  /** Sends many in one piece; not every library can. */
  pipeline?(commands: readonly (readonly (string | Uint8Array)[])[]): {
    exec(): Promise<readonly (readonly [Error | null, unknown])[] | null>
  }
  subscribe(channel: string): Promise<unknown>
  on(event: string, listener: (...args: never[]) => void): unknown
  once(event: string, listener: (...args: never[]) => void): unknown
  /** Begins again after the end. */
  connect(): Promise<unknown>
  /** Ends the connection; with `reconnect` another is made in its place. */
  disconnect(reconnect?: boolean): void
  /** The connections to its nodes; only a Cluster has it. */
  nodes?(role: 'all' | 'master'): readonly (RawClient & { duplicate(options: object): RawClient })[]
}

/** Half of it by chance, so that many processes do not come back at one moment. */
export const retryDelay = (times: number): number => {
  const bound = Math.min(25 * 2 ** times, 500)
  return bound * (1 + Math.random()) * 0.5
}

export const CONNECT_TIMEOUT_MS = 1000

/** Ends a connection and resolves when it has ended, or a moment later if it does not say so. */
export const disconnect = (client: RawClient): Promise<void> =>
  new Promise((resolve) => {
    const { status } = client
    if (status === 'end') return resolve()
    // Between two attempts there is nothing to end, and nothing is said.
    const timer = setTimeout(resolve, status === 'reconnecting' ? 0 : 500)
    client.once('end', () => {
      clearTimeout(timer)
      resolve()
    })
    client.disconnect()
  })
