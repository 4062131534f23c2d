export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where the guard says what an operator should know; never a credential, never an argument. */
export type GuardLog = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void
