import { usageError } from './failure.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const longestMs = 100 * 366 * unitMs.d

const span = /^([1-9][0-9]{0,5})([smhd])$/
const date =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/

/** A length of time, `90d`, `12h`, `30m` or `10s`, in milliseconds; `undefined` for anything else, nothing at all too. */
export const parseSpan = (text: string): number | undefined => {
  const [, count, unit] = span.exec(text) ?? []
  return unit === undefined ? undefined : Number(count) * unitMs[unit as keyof typeof unitMs]
}

const parse = (text: string, nowMs: number): number => {
  const spanMs = parseSpan(text)
  if (spanMs !== undefined) return nowMs + spanMs
  const [, year, month, day] = date.exec(text) ?? []
  // Date.parse takes 30 February for 2 March.
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return midnight.getUTCDate() === Number(day) && midnight.getUTCMonth() === Number(month) - 1
    ? Date.parse(text)
    : Number.NaN
}

/**
 * A time to come, in milliseconds since the epoch: `90d`, `12h`, `30m` from now, a date (its first moment, UTC) or an ISO time with its zone.
 * @param option what the time was given to, for messages
 * @throws CliError `ERR_CLI_USAGE`
 */
export const parseTime = (option: string, text: string, nowMs: number): number => {
  const ms = parse(text, nowMs)
  const quoted = JSON.stringify(text)
  if (Number.isNaN(ms)) {
    throw usageError(`${option} ${quoted} is not a time: 90d, 12h, 30m, 2030-12-31 or 2030-12-31T18:00:00Z`)
  }
  if (ms <= nowMs) throw usageError(`${option} ${quoted} is in the past`)
  if (ms > nowMs + longestMs) throw usageError(`${option} ${quoted} is more than 100 years away`)
  return ms
}

/** When a key expires: a time as `parseTime` takes it, or `never`, which is `null`. */
export const parseExpiry = (text: string, nowMs: number): number | null =>
  text === 'never' ? null : parseTime('--expires', text, nowMs)
