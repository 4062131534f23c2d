import type { GuardLog, LogLevel } from '@portcullis/guard'

const severities: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** C0, C1, bidirectional controls and line separators: what could forge a line or turn one around on a screen. */
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\u061c\ufeff]/g
const escaped = (text: string): string =>
  text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Errors become their code and message; stacks stay out of a log that others may read. */
const plain = (value: unknown): unknown =>
  value instanceof Error ? { message: value.message, ...('code' in value ? { code: value.code } : {}) } : value

const pretty = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): string => {
  const rest = Object.entries(fields).map(([name, value]) => {
    const shown = plain(value)
    return `${name}=${typeof shown === 'string' ? shown : JSON.stringify(shown)}`
  })
  return `${level === 'info' ? '' : `${level}: `}${event}${rest.length === 0 ? '' : `  ${rest.join(' ')}`}`
}

/** One line an event on standard error: JSON off a terminal, readable on one. */
export const createLog = (options: {
  readonly level: LogLevel
  readonly format: 'auto' | 'json' | 'text'
  readonly write?: (line: string) => void
  readonly terminal?: boolean
}): GuardLog => {
  const write = options.write ?? ((line) => process.stderr.write(line))
  const json =
    options.format === 'json' || (options.format === 'auto' && (options.terminal ?? process.stderr.isTTY) !== true)
  const least = severities.indexOf(options.level)
  return (level, event, fields = {}) => {
    if (severities.indexOf(level) < least) return
    const line = json
      ? JSON.stringify({
          at: new Date().toISOString(),
          level,
          event,
          ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)])),
        })
      : pretty(level, event, fields)
    write(`${escaped(line)}\n`)
  }
}
