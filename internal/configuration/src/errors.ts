/** Something about the configuration is wrong; the message says where and what, in one line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code = 'ERR_CONFIGURATION'
  readonly fault = 'invalid'
}
