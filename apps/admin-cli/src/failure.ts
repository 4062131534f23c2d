/** What a program's exit code means; the same for every command. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  conflict: 5,
  unreachable: 6,
  cancelled: 7,
  findings: 8,
  configuration: 78,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A failure that the command itself knows: one line for people, a stable code for programs, and the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: string
  readonly exitCode: ExitCode

  constructor(code: string, exitCode: ExitCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.exitCode = exitCode
  }
}

export const usageError = (message: string): CliError => new CliError('ERR_CLI_USAGE', exitCodes.usage, message)

export const configurationError = (message: string, cause?: unknown): CliError =>
  new CliError('ERR_CLI_CONFIGURATION', exitCodes.configuration, message, { cause })

// By code and not by class, so that the packages are loaded only by the commands that use them.
const byCode: Readonly<Record<string, ExitCode>> = {
  ERR_APIKEY_CONFLICT: exitCodes.conflict,
  ERR_APIKEY_DELEGATION: exitCodes.refused,
  ERR_APIKEY_EXISTS: exitCodes.conflict,
  ERR_APIKEY_FORMAT: exitCodes.usage,
  ERR_APIKEY_GRANT: exitCodes.usage,
  ERR_APIKEY_LEGACY: exitCodes.conflict,
  ERR_APIKEY_LOCKED: exitCodes.conflict,
  ERR_APIKEY_NOT_FOUND: exitCodes.notFound,
  ERR_APIKEY_STATE: exitCodes.conflict,
  ERR_APIKEY_STORE: exitCodes.configuration,
  ERR_REDIS_OPTIONS: exitCodes.configuration,
  ERR_REDIS_PLAINTEXT: exitCodes.configuration,
  ERR_AUDIT_FILE: exitCodes.configuration,
  ERR_AUDIT_KEY: exitCodes.configuration,
  ERR_AUDIT_OPTION: exitCodes.usage,
  ERR_AUTHZ_GRANT: exitCodes.usage,
  ERR_CONFIG_ABSENT: exitCodes.notFound,
  ERR_CONFIG_CHILD: exitCodes.notFound,
  ERR_CONFIG_CONFLICT: exitCodes.conflict,
  ERR_CONFIG_EXISTS: exitCodes.conflict,
  ERR_CONFIG_FORK: exitCodes.configuration,
  ERR_CONFIG_INTEGRITY: exitCodes.configuration,
  ERR_CONFIG_KEY: exitCodes.configuration,
  ERR_CONFIG_KEY_SOURCE: exitCodes.unreachable,
  ERR_CONFIG_LEGACY: exitCodes.conflict,
  ERR_CONFIG_LOCKED: exitCodes.conflict,
  ERR_CONFIG_MALFORMED: exitCodes.configuration,
  ERR_CONFIG_NO_KEY: exitCodes.configuration,
  ERR_CONFIG_OPTIONS: exitCodes.usage,
  ERR_CONFIG_READ: exitCodes.configuration,
  ERR_CONFIG_ROLLBACK: exitCodes.configuration,
  ERR_CONFIG_SCHEMA: exitCodes.configuration,
  ERR_CONFIG_UNSAFE: exitCodes.configuration,
  ERR_CONFIG_VERSION: exitCodes.configuration,
  ERR_CONFIG_WRITE: exitCodes.configuration,
  ERR_FILE_ABSENT: exitCodes.notFound,
  ERR_FILE_ENCODING: exitCodes.configuration,
  ERR_FILE_LOCKED: exitCodes.conflict,
  ERR_FILE_READ: exitCodes.configuration,
  ERR_FILE_TOO_LARGE: exitCodes.configuration,
  ERR_FILE_UNSAFE: exitCodes.configuration,
  ERR_FILE_WRITE: exitCodes.configuration,
}

export interface Failure {
  code: string
  message: string
  exitCode: ExitCode
}

/** Turns whatever was thrown into one line and an exit code. */
export const describeFailure = (error: unknown): Failure => {
  if (!(error instanceof Error)) {
    return { code: 'ERR_CLI_UNEXPECTED', message: 'unexpected failure', exitCode: exitCodes.unexpected }
  }
  const { message } = error
  if (error instanceof CliError) return { code: error.code, message, exitCode: error.exitCode }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code.startsWith('commander.'))
    return { code: 'ERR_CLI_USAGE', message: usageLine(message), exitCode: exitCodes.usage }
  // A store that others run and that does not answer; a file of ours that cannot be read is a matter of configuration.
  if (code === 'ERR_APIKEY_STORE' && 'retryAfterMs' in error && error.retryAfterMs !== undefined)
    return { code, message, exitCode: exitCodes.unreachable }
  if (code === 'ERR_APIKEY_OPTION') return { code, message: inOptions(message), exitCode: exitCodes.usage }
  const exitCode = Object.hasOwn(byCode, code) ? byCode[code] : undefined
  if (exitCode !== undefined) return { code, message, exitCode }
  return { code: 'ERR_CLI_UNEXPECTED', message: `unexpected: ${message}`, exitCode: exitCodes.unexpected }
}

const optionOf: Readonly<Record<string, string>> = {
  allowedAddresses: '--from',
  'an audience': '--audience',
  audiences: '--audience',
  deniedAddresses: '--not-from',
  env: '--env',
  expiresAtMs: '--expires',
  limits: '--limit',
  metadata: '--meta',
  notBeforeMs: '--not-before',
  origin: '--origin',
  overlapMs: '--overlap',
  owner: '--owner',
  reason: '--reason',
  tenant: '--tenant',
}

/** The package names its fields; who types knows the options. */
const inOptions = (message: string): string =>
  message
    .replace(/^(?:an audience|[A-Za-z]+)/, (field) => optionOf[field] ?? field)
    .replace(/ after notBeforeMs$/, ' after --not-before')

/** Commander's two lines as one: `unknown option '--alow' (did you mean --allow?)`. */
const usageLine = (message: string): string => {
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n')
  const hint = rest.join(' ').trim()
  return hint === '' ? first : `${first} ${hint.replace('(Did', '(did')}`
}
