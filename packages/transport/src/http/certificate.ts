import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** The certificate, in DER, of a client that TLS asked for one and found to be good; undefined for every other. */
export const certificateOf = (socket: Socket): Uint8Array | undefined =>
  socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined
