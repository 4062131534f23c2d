import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Who is at the other end of each connection, noted when it is made: a peer that resets its connection has no address any more
 * when its request is looked at. One peer may hold only so many connections, so that it cannot take them all.
 */
export interface Connections {
  /** The peer's address; `undefined` for a connection that was gone before it was noted. */
  peerOf(socket: Socket): string | undefined
  /** Ends every connection, those too that never came to be one of HTTP. */
  destroyAll(): void
}

export const noteConnections = (
  server: Server,
  options: { readonly maxPerPeer: number; readonly isProxy: (address: string) => boolean },
): Connections => {
  const peers = new WeakMap<Socket, string>()
  const counts = new Map<string, number>()
  const open = new Set<Socket>()

  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress
    if (peer === undefined) return socket.destroy()
    peers.set(socket, peer)
    const count = (counts.get(peer) ?? 0) + 1
    counts.set(peer, count)
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      const left = (counts.get(peer) ?? 1) - 1
      if (left === 0) counts.delete(peer)
      else counts.set(peer, left)
    })
    // A proxy's connections are those of all its clients.
    if (count > options.maxPerPeer && !options.isProxy(peer)) socket.destroy()
    return undefined
  })
  // Under TLS requests come by another socket, which wraps the one that was counted.
  server.on('secureConnection', (socket: Socket) => {
    const peer = socket.remoteAddress
    if (peer === undefined) socket.destroy()
    else peers.set(socket, peer)
  })
  return {
    peerOf: (socket) => peers.get(socket),
    destroyAll() {
      for (const socket of open) socket.destroy()
    },
  }
}
