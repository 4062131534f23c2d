import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** `redis://127.0.0.1:PORT` */
  readonly url: string
  /** From now on what the server answers on the connections that there are, and on those to come, is thrown away. */
  swallow(): void
  /** Answers pass again on connections to come; those that there are stay open and lead nowhere. */
  forget(): void
  /** The same, and ends all connections. */
  cut(): void
  stop(): Promise<void>
}

/** Stands between a client and a server on loopback, so that a test can lose answers of commands that were carried out. */
export const startProxy = async (toPort: number): Promise<TcpProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>()
  const deaf = new Set<Socket>()
  let swallowing = false
  const server = createServer((client) => {
    const upstream = connect(toPort, '127.0.0.1')
    const pair = [client, upstream] as const
    pairs.add(pair)
    if (swallowing) deaf.add(client)
    const drop = () => {
      pairs.delete(pair)
      deaf.delete(client)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) socket.on('error', drop).on('close', drop)
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      if (!deaf.has(client)) client.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const cut = (): void => {
    swallowing = false
    for (const [client, upstream] of pairs) {
      client.destroy()
      upstream.destroy()
    }
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    swallow: () => {
      swallowing = true
      for (const [client] of pairs) deaf.add(client)
    },
    forget: () => {
      swallowing = false
    },
    cut,
    stop: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
