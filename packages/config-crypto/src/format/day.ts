/** Milliseconds since 1970; `Date.now` unless a caller has another one. */
export type Clock = () => number

const dayMs = 86_400_000
const syntax = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/

/** A day of UTC as files say it: `YYYY-MM-DD`, after `days`. */
export const dayOf = (clock: Clock, days = 0): string => new Date(clock() + days * dayMs).toISOString().slice(0, 10)

export const isDay = (text: unknown): text is string =>
  typeof text === 'string' && syntax.test(text) && !Number.isNaN(Date.parse(text))

/** Whole days from a day until now; negative for a day to come. */
export const daysSince = (day: string, clock: Clock): number =>
  Math.round((Date.parse(dayOf(clock)) - Date.parse(day)) / dayMs)
