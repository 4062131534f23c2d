import { usageError } from './failure.ts'

/** The number that an option says. */
export const wholeNumber = (option: string, text: string): number => {
  if (!/^(?:0|[1-9][0-9]{0,8})$/.test(text)) throw usageError(`${option} needs a whole number`)
  return Number(text)
}
