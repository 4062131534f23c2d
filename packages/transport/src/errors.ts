export type TransportErrorCode =
  /** An option is missing, unknown or out of range. */
  | 'ERR_TRANSPORT_OPTIONS'
  /** The address and port cannot be listened on. */
  | 'ERR_TRANSPORT_LISTEN'
  /** An upstream server could not be started, or ended before it answered. */
  | 'ERR_TRANSPORT_UPSTREAM'
  /** The server does not answer the protocol's handshake. */
  | 'ERR_TRANSPORT_HANDSHAKE'

/** A fault of a transport. `fault` says whether it is a mistake (`invalid`) or an outage (`unavailable`). */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly code: TransportErrorCode
  readonly fault: 'unavailable' | 'invalid'

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.fault = code === 'ERR_TRANSPORT_OPTIONS' ? 'invalid' : 'unavailable'
  }
}
