import { inspect } from 'node:util'
import type { Secret } from '../types.ts'

const shown = '[secret]'

// A class because private members are what neither inspection nor cloning sees; its methods are on the prototype for the same reason.
class Sealed<T> implements Secret<T> {
  readonly #reveal: () => T

  constructor(reveal: () => T) {
    this.#reveal = reveal
    Object.freeze(this)
  }

  reveal(): T {
    return this.#reveal()
  }

  toString(): typeof shown {
    return shown
  }

  toJSON(): typeof shown {
    return shown
  }

  [Symbol.toPrimitive](): typeof shown {
    return shown
  }

  [inspect.custom](): typeof shown {
    return shown
  }
}

export const createSecret = <T>(reveal: () => T): Secret<T> => new Sealed(reveal)
