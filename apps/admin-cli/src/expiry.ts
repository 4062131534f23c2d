import { usageError } from './failure.ts'

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const longestMs = 100 * 366 * unitMs.d

const span = /^([1-9][0-9]{0,5})([mhd])$/
const date =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/

const parse = (text: string, nowMs: number): number => {
  const [, count, unit] = span.exec(text) ?? []
  if (unit !== undefined) return nowMs + Number(count) * unitMs[unit as keyof typeof unitMs]
  const [, year, month, day] = date.exec(text) ?? []
  // Date.parse takes 30 February for 2 March.
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return midnight.getUTCDate() === Number(day) && midnight.getUTCMonth() === Number(month) - 1
    ? Date.parse(text)
    : Number.NaN
}

/** When a key expires: `90d`, `12h`, `30m`, a date (its first moment, UTC) or an ISO time with its zone. */
export const parseExpiry = (text: string, nowMs: number): number => {
  const expiresAtMs = parse(text, nowMs)
  if (Number.isNaN(expiresAtMs)) {
    throw usageError(
      `--expires ${JSON.stringify(text)} is not a time: 90d, 12h, 30m, 2030-12-31 or 2030-12-31T18:00:00Z`,
    )
  }
  if (expiresAtMs <= nowMs) throw usageError(`--expires ${JSON.stringify(text)} is in the past`)
  if (expiresAtMs > nowMs + longestMs) {
    throw usageError(
      `--expires ${JSON.stringify(text)} is more than 100 years away; leave it out for a key that never expires`,
    )
  }
  return expiresAtMs
}
