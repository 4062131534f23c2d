import type { MaybePromise } from './types.ts'

/** Goes on with a value at once where it is there already. */
export const andThen = <A, B>(value: MaybePromise<A>, next: (value: A) => MaybePromise<B>): MaybePromise<B> =>
  value instanceof Promise ? value.then(next) : next(value)
