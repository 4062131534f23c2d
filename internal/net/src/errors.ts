export type NetErrorCode = 'ERR_NET_CIDR'

/** A malformed network in a configuration. Addresses from outside that are malformed are values (`undefined`), never errors. */
export class NetError extends Error {
  override readonly name = 'NetError'
  readonly code: NetErrorCode
  readonly fault = 'invalid' as const

  constructor(code: NetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
