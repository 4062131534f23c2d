/** Exit codes of both programs. */
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

/** Ends the program with one line and a code. */
export class ExitError extends Error {
  override readonly name = 'ExitError'
  readonly exitCode: number

  constructor(reason: keyof typeof exitCodes, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCodes[reason]
  }
}

export const configurationError = (message: string, options?: ErrorOptions): ExitError =>
  new ExitError('configuration', message, options)
