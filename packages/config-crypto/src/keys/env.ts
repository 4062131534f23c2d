import { type Steps, step } from '../steps.ts'
import type { TextHolder } from './holder.ts'
import { readOnce } from './once.ts'

export const variableSyntax = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** @param keep leaves the variable where it is; otherwise it is removed once it was read, so that children do not inherit it */
export const envText = (name: string, keep: boolean): TextHolder => {
  const take = (): string | undefined => {
    const text = process.env[name]
    if (text === undefined || text === '') return undefined
    if (!keep) delete process.env[name]
    return text
  }
  const read = (): string | undefined => readOnce(`env:${name}`, take)
  return {
    kind: 'text',
    place: `environment variable ${name}`,
    quiet: true,
    read: (): Steps<string | undefined> => step({ sync: read, async: read }),
  }
}
