import { optionsError } from './errors.ts'

/*
 * What is read is read in the same steps whether the caller waits or not. Each is written once, as a generator that asks for what takes time; `runSync` gets it at
 * once, `runAsync` awaits it.
 */

export interface Step<T> {
  /** Absent where there is no way to do it at once. */
  readonly sync?: () => T
  readonly async: () => T | Promise<T>
}

export type Steps<T> = Generator<Step<unknown>, T, unknown>

export function* step<T>(wanted: Step<T>): Steps<T> {
  return (yield wanted) as T
}

/** @throws ConfigError `ERR_CONFIG_OPTIONS` where a step can only be awaited */
export const runSync = <T>(steps: Steps<T>): T => {
  let next = steps.next()
  while (next.done !== true) {
    const { sync } = next.value
    let got: unknown
    try {
      if (!sync) throw optionsError('one of its keys can only be awaited: use openConfig and reload')
      got = sync()
    } catch (error) {
      next = steps.throw(error)
      continue
    }
    next = steps.next(got)
  }
  return next.value
}

export const runAsync = async <T>(steps: Steps<T>): Promise<T> => {
  let next = steps.next()
  while (next.done !== true) {
    let got: unknown
    try {
      got = await next.value.async()
    } catch (error) {
      next = steps.throw(error)
      continue
    }
    next = steps.next(got)
  }
  return next.value
}
